/* SPDX-License-Identifier: MIT */
/* Registers of the MPS2 boards and of the Cortex-M core that are used. */
#ifndef BOARD_REGISTERS_H
#define BOARD_REGISTERS_H

#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define CORE_CLOCK_HZ 25000000u

/* Core. */
#define NVIC_ENABLE REG(0xE000E100)
#define NVIC_PEND REG(0xE000E200)
#define NVIC_UNPEND REG(0xE000E280)
#define SCB_RESET REG(0xE000ED0C)
#define SCB_RESET_NOW 0x05FA0004u
#define SCB_CPACR REG(0xE000ED88)
#define SCB_CFSR REG(0xE000ED28)
#define SCB_HFSR REG(0xE000ED2C)
#define SCB_MMFAR REG(0xE000ED34)
#define SCB_BFAR REG(0xE000ED38)
#define MPU_CTRL REG(0xE000ED94)
#define MPU_RBAR REG(0xE000ED9C)
#define MPU_RASR REG(0xE000EDA0)

/* Interrupts. */
#define IRQ_UART0_RX 0
#define IRQ_UART1_RX 2
#define IRQ_UART2_RX 4
#define IRQ_BUTTON 6 /* of GPIO 0, which the emulator lacks: pended by us */
#define IRQ_TIMER0 8
#define IRQ_ETHERNET 13

/* Devices. */
#define TIMER0 0x40000000u
#define UART0 0x40004000u
#define UART1 0x40005000u
#define UART2 0x40006000u
#define WATCHDOG 0x40008000u
#define FPGAIO_LED REG(0x40028000)
#define FPGAIO_COUNTER REG(0x40028018)
#define FPGAIO_PRESCALE REG(0x4002801C)
#define ETHERNET 0x40200000u

#endif
