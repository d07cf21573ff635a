/* SPDX-License-Identifier: MIT */
/* See FreeRTOS.h beside it. */
#ifndef CROSS_FREERTOS_TASK_H
#define CROSS_FREERTOS_TASK_H

#include "FreeRTOS.h"

typedef struct cross_task *TaskHandle_t;
typedef void (*TaskFunction_t)(void *);
typedef struct {
    BaseType_t xOverflowCount;
    TickType_t xTimeOnEntering;
} TimeOut_t;

#define taskSCHEDULER_NOT_STARTED ((BaseType_t)1)

TaskHandle_t xTaskCreateStatic(TaskFunction_t code, const char *name,
                               configSTACK_DEPTH_TYPE depth, void *arg,
                               UBaseType_t priority, StackType_t *stack,
                               StaticTask_t *control);
void vTaskDelete(TaskHandle_t task);
void vTaskDelay(TickType_t ticks);
void vTaskSuspend(TaskHandle_t task);
void vTaskStartScheduler(void);
TaskHandle_t xTaskGetCurrentTaskHandle(void);
BaseType_t xTaskGetSchedulerState(void);
UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task);
void vTaskSetTimeOutState(TimeOut_t *out);

BaseType_t xTaskNotifyGiveIndexed(TaskHandle_t task, UBaseType_t index);
void vTaskNotifyGiveIndexedFromISR(TaskHandle_t task, UBaseType_t index,
                                   BaseType_t *woken);
uint32_t ulTaskNotifyTakeIndexed(UBaseType_t index, BaseType_t clear,
                                 TickType_t wait);

void cross_enter_critical(void);
void cross_exit_critical(void);
UBaseType_t cross_enter_critical_from_isr(void);
void cross_exit_critical_from_isr(UBaseType_t before);
void cross_yield(void);
#define taskENTER_CRITICAL() cross_enter_critical()
#define taskEXIT_CRITICAL() cross_exit_critical()
#define taskENTER_CRITICAL_FROM_ISR() cross_enter_critical_from_isr()
#define taskEXIT_CRITICAL_FROM_ISR(before) cross_exit_critical_from_isr(before)
#define taskYIELD() cross_yield()

#endif
