/* SPDX-License-Identifier: MIT */
/*
 * Declarations that ports/freertos uses, written for one test: that its sources
 * compile, with all warnings, where no FreeRTOS is at hand. There is nothing
 * behind them; a program cannot be made of this. Types are as on a 32-bit port.
 */
#ifndef CROSS_FREERTOS_API_H
#define CROSS_FREERTOS_API_H

#include <stdint.h>

#define configSUPPORT_STATIC_ALLOCATION 1
#define configUSE_PREEMPTION 1
#define configTICK_RATE_HZ ((TickType_t)1000)
#define configSTACK_DEPTH_TYPE uint32_t
#define INCLUDE_vTaskDelete 1
#define INCLUDE_vTaskDelay 1
#define INCLUDE_vTaskSuspend 1
#define INCLUDE_xTaskGetSchedulerState 1
#define INCLUDE_xTaskGetCurrentTaskHandle 1
#define INCLUDE_uxTaskGetStackHighWaterMark 1

typedef long BaseType_t;
typedef unsigned long UBaseType_t;
typedef uint32_t TickType_t;
typedef uint32_t StackType_t;
typedef struct {
    uint32_t opaque[24];
} StaticTask_t;

#define pdFALSE ((BaseType_t)0)
#define pdTRUE ((BaseType_t)1)
#define portMAX_DELAY ((TickType_t)0xFFFFFFFFu)

BaseType_t xPortIsInsideInterrupt(void);
void cross_yield_from_isr(BaseType_t yield);
#define portYIELD_FROM_ISR(yield) cross_yield_from_isr(yield)

#endif
