/* SPDX-License-Identifier: MIT */
/* Compile-time choices of the MPS2 boards; see cleat/config.h. */
#ifndef CLEAT_BOARD_CONFIG_H
#define CLEAT_BOARD_CONFIG_H

#ifndef CLEAT_LOG_FLOOR
#define CLEAT_LOG_FLOOR 0 /* errors; the console tells the rest in words */
#endif
#ifndef CLEAT_MQTT5
#define CLEAT_MQTT5 0 /* the device speaks 3.1.1 */
#endif
#ifndef CLEAT_SE_EXTRAS
#define CLEAT_SE_EXTRAS 0 /* the device asks for none */
#endif
#define CLEAT_DEVICE_STORE 0 /* there is no file */
#define CLEAT_DEVICE_BUFFER_MAX 1024
#ifndef CLEAT_DEFAULT_MQTT_SEND_BUFFER_SIZE
#define CLEAT_DEFAULT_MQTT_SEND_BUFFER_SIZE 1024
#endif
#define CLEAT_TLS_PEM_MAX 2048 /* on the stack while a CA in PEM is read */
#define CLEAT_SE_CTX_MAX 608

#endif
