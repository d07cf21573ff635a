/* SPDX-License-Identifier: MIT */
/* The secure element's interface and the Linux port from the package. */
#include <stdio.h>

#include <cleat/bytes.h>
#include <cleat/port.h>
#include <cleat/se.h>

int main(void) {
    const struct cleat_se_driver *driver =
        cleat_se_driver_find(cleat_bytes_str("optiga"));
    if (driver == NULL || cleat_port_now_us() == 0) {
        return 1;
    }
    printf("element: %s\n", driver->summary);
    return 0;
}
