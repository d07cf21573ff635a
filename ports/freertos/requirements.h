/* SPDX-License-Identifier: MIT */
/*
 * The kernel as this port needs it: what FreeRTOSConfig.h lacks fails here,
 * with its name, and two choices of the port with their defaults.
 */
#ifndef CLEAT_FREERTOS_REQUIREMENTS_H
#define CLEAT_FREERTOS_REQUIREMENTS_H

#include <FreeRTOS.h>
#include <task.h>

#if !defined(configSUPPORT_STATIC_ALLOCATION) ||                               \
    configSUPPORT_STATIC_ALLOCATION != 1
#error "cleat needs configSUPPORT_STATIC_ALLOCATION 1 in FreeRTOSConfig.h"
#endif
#if !defined(configUSE_PREEMPTION) || configUSE_PREEMPTION != 1
#error "cleat needs configUSE_PREEMPTION 1 in FreeRTOSConfig.h"
#endif
#if defined(configUSE_TASK_NOTIFICATIONS) && configUSE_TASK_NOTIFICATIONS != 1
#error "cleat needs configUSE_TASK_NOTIFICATIONS 1 in FreeRTOSConfig.h"
#endif
#if !defined(INCLUDE_vTaskDelete) || INCLUDE_vTaskDelete != 1
#error "cleat needs INCLUDE_vTaskDelete 1 in FreeRTOSConfig.h"
#endif
#if !defined(INCLUDE_vTaskDelay) || INCLUDE_vTaskDelay != 1
#error "cleat needs INCLUDE_vTaskDelay 1 in FreeRTOSConfig.h"
#endif
#if !defined(INCLUDE_vTaskSuspend) || INCLUDE_vTaskSuspend != 1
#error "cleat needs INCLUDE_vTaskSuspend 1 in FreeRTOSConfig.h"
#endif
#if !defined(INCLUDE_xTaskGetSchedulerState) ||                                \
    INCLUDE_xTaskGetSchedulerState != 1
#error "cleat needs INCLUDE_xTaskGetSchedulerState 1 in FreeRTOSConfig.h"
#endif
#if !defined(INCLUDE_xTaskGetCurrentTaskHandle) ||                             \
    INCLUDE_xTaskGetCurrentTaskHandle != 1
#error "cleat needs INCLUDE_xTaskGetCurrentTaskHandle 1 in FreeRTOSConfig.h"
#endif
#if defined(configNUMBER_OF_CORES) && configNUMBER_OF_CORES != 1
#error "cleat's FreeRTOS port is for one core: configNUMBER_OF_CORES 1"
#endif

/** Tasks at a time: those of cleat_port_start() and the application's own that
 *  call cleat (cleat_port_current, _wait or _local). Each costs a StaticTask_t
 *  and some 40 bytes. */
#ifndef CLEAT_FREERTOS_TASKS
#define CLEAT_FREERTOS_TASKS 8
#endif

/** The task notification that wakes; below
 *  configTASK_NOTIFICATION_ARRAY_ENTRIES. Stream buffers use 0. */
#ifndef CLEAT_FREERTOS_NOTIFICATION
#define CLEAT_FREERTOS_NOTIFICATION 0
#endif

/** True in an interrupt routine. Kernel ports without
 *  xPortIsInsideInterrupt() need another expression. */
#ifndef CLEAT_FREERTOS_IN_INTERRUPT
#define CLEAT_FREERTOS_IN_INTERRUPT() (xPortIsInsideInterrupt() != pdFALSE)
#endif

#endif
