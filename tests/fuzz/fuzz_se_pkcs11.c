/* SPDX-License-Identifier: MIT */
/* Addresses of tokens, as a person might mistype them. */
#include <stdlib.h>
#include <string.h>

#include "se/drivers/pkcs11/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char *address = (char *)malloc(size + 1);
    if (address == NULL) {
        abort();
    }
    memcpy(address, data, size);
    address[size] = '\0';
    P11KitUri *uri = NULL;
    bool host = false;
    const char *text = NULL;
    int err = cleat_pkcs11_uri_parse(address, &uri, &host, &text);
    free(address);
    if (err != 0) {
        if (err > 0 || text == NULL || uri != NULL) {
            abort();
        }
        return 0;
    }
    const char *source = p11_kit_uri_get_pin_source(uri);
    if (uri == NULL || p11_kit_uri_get_pin_value(uri) != NULL ||
        p11_kit_uri_any_unrecognized(uri) ||
        (source != NULL && !cleat_pkcs11_pin_source_ok(source))) {
        abort();
    }
    p11_kit_uri_free(uri);
    return 0;
}
