/* SPDX-License-Identifier: MIT */
/* Stacks for the four tasks of a device (app/device.c names them). */
#include "cleat/freertos_port.h"
#include "requirements.h"

#define WORDS(bytes) (((bytes) + sizeof(StackType_t) - 1) / sizeof(StackType_t))

_Alignas(8) static StackType_t element[WORDS(CLEAT_FREERTOS_STACK_ELEMENT)];
_Alignas(8) static StackType_t mqtt[WORDS(CLEAT_FREERTOS_STACK_MQTT)];
_Alignas(8) static StackType_t publisher[WORDS(CLEAT_FREERTOS_STACK_WORKER)];
_Alignas(8) static StackType_t subscriber[WORDS(CLEAT_FREERTOS_STACK_WORKER)];

const struct cleat_freertos_stack cleat_freertos_device_stacks[] = {
    {"element", element, sizeof element, CLEAT_FREERTOS_PRIORITY},
    {"mqtt", mqtt, sizeof mqtt, CLEAT_FREERTOS_PRIORITY},
    {"publisher", publisher, sizeof publisher, CLEAT_FREERTOS_PRIORITY},
    {"subscriber", subscriber, sizeof subscriber, CLEAT_FREERTOS_PRIORITY},
};
const size_t cleat_freertos_device_stack_count = 4;
