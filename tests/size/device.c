/* SPDX-License-Identifier: MIT */
/* What a board calls of a device, and mbedTLS of src/tls: the roots from which
 * tools/size-report links the portable code. Never run; the sizes of the
 * structs are read off the variables. */
#include "cleat/device.h"
#include "mqtt/session.h"
#include "tls/context.h"

#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>

extern const struct cleat_se_driver cleat_se_driver_optiga;

/* Without its two MQTT buffers and its certificate a struct cleat_device is
 * what the caller cannot choose. */
uint8_t size_of_device_without_buffers[sizeof(struct cleat_device) -
                                       2 * CLEAT_DEVICE_BUFFER_MAX -
                                       CLEAT_DEVICE_CERTIFICATE_MAX];
uint8_t size_of_tls[sizeof(struct cleat_tls)];
uint8_t size_of_tls_used[sizeof(struct cleat_tls_ctx)];
uint8_t size_of_se[sizeof(struct cleat_se)];
uint8_t size_of_client[sizeof(struct cleat_client)];
uint8_t size_of_client_event[sizeof(struct cleat_client_event)];
uint8_t size_of_mqtt[sizeof(struct cleat_mqtt)];
uint8_t size_of_mqtt_event[sizeof(struct cleat_mqtt_event)];
uint8_t size_of_mqtt_slot[sizeof(struct cleat_mqtt_slot)];

/* Everything whose address leaves the program stays in it. */
extern const void *volatile size_keep;

int main(void);

int main(void) {
    static struct cleat_device device;
    static struct cleat_settings settings;
    static struct cleat_platform platform;
    char why[160];
    int status;
    cleat_settings_defaults(&settings);
    platform.driver = &cleat_se_driver_optiga;
    if (cleat_device_init(&device, &settings, &platform, why, sizeof why) !=
            0 ||
        cleat_device_start(&device) != 0) {
        return 1;
    }
    while (!cleat_device_ended(&device, &status)) {
        cleat_device_press(&device);
        if (cleat_device_ready(&device)) {
            cleat_device_stop(&device);
        }
    }
    cleat_device_deinit(&device);
    size_keep = (const void *)mbedtls_ecdh_gen_public;
    size_keep = (const void *)mbedtls_ecdh_compute_shared;
    size_keep = (const void *)mbedtls_ecdsa_sign;
    size_keep = (const void *)mbedtls_ecdsa_verify;
    size_keep = (const void *)mbedtls_ecdsa_genkey;
    size_keep = (const void *)cleat_tls_verify_time;
    size_keep = (const void *)mbedtls_ms_time;
    return status;
}
