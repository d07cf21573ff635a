/* SPDX-License-Identifier: MIT */
/* The client ID of a device that does not run: `cleat doctor` and `cleat aws`
 * must name the same one. The device's own function makes it. */
#include <string.h>

#include "app/app.h"
#include "doctor.h"

void cli_client_id(const struct cleat_settings *s, struct cleat_bytes uid,
                   struct cleat_bytes certificate, char *out, size_t cap) {
    static struct cleat_device device; /* large */
    memset(&device, 0, sizeof device);
    device.settings = s;
    if (uid.len <= sizeof device.uid) {
        device.uid_len = uid.len;
        memcpy(device.uid, uid.data, uid.len);
    }
    if (certificate.len <= sizeof device.certificate && certificate.len > 0) {
        device.certificate_len = certificate.len;
        memcpy(device.certificate, certificate.data, certificate.len);
    }
    cleat_app_make_client_id(&device);
    snprintf(out, cap, "%s", device.client_id);
}
