/* SPDX-License-Identifier: MIT */
/*
 * The address of a token and a key: RFC 7512 as p11-kit reads it, less what
 * would put a PIN where everybody can see it.
 */
#include <stdio.h>
#include <string.h>

#include "se/drivers/pkcs11/token.h"

#define ADDRESS_MAX 2048

static const char *parse_error(int code) {
    switch (code) {
    case P11_KIT_URI_BAD_ENCODING:
        return "bad %-encoding in the pkcs11 uri";
    case P11_KIT_URI_BAD_VERSION:
        return "bad version number in the pkcs11 uri";
    case P11_KIT_URI_BAD_SYNTAX:
        return "the pkcs11 uri is not well formed: expected "
               "token=NAME;object=LABEL?pin-source=file:PATH";
    default:
        return "the pkcs11 uri cannot be read";
    }
}

/* Unlike the words of an operation, these are of the caller's making. */
static int check_object_type(P11KitUri *uri, const char **text) {
    CK_ATTRIBUTE *type = p11_kit_uri_get_attribute(uri, CKA_CLASS);
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    if (type != NULL && type->ulValueLen == sizeof class) {
        memcpy(&class, type->pValue, sizeof class);
    }
    if (class != CKO_PRIVATE_KEY && class != CKO_CERTIFICATE &&
        class != CKO_PUBLIC_KEY) {
        *text = "the pkcs11 uri names an object that is neither key nor "
                "certificate";
        return CLEAT_ERR_ARG;
    }
    return 0;
}

static int check_query(P11KitUri *uri, bool *host_ecdhe, const char **text) {
    const char *source = p11_kit_uri_get_pin_source(uri);
    const char *ecdhe = p11_kit_uri_get_vendor_query(uri, "x-ecdhe");
    if (p11_kit_uri_get_pin_value(uri) != NULL) {
        *text = "pin-value is refused: every user of this machine could read "
                "the pin; use pin-source=file:PATH, CLEAT_PKCS11_PIN or the "
                "prompt, and change this pin";
        return CLEAT_ERR_ARG;
    }
    if (source != NULL && !cleat_pkcs11_pin_source_ok(source)) {
        *text = "pin-source must be file:/PATH";
        return CLEAT_ERR_ARG;
    }
    if (ecdhe != NULL && strcmp(ecdhe, "host") != 0 &&
        strcmp(ecdhe, "token") != 0) {
        *text = "x-ecdhe is token (default) or host";
        return CLEAT_ERR_ARG;
    }
    *host_ecdhe = ecdhe != NULL && strcmp(ecdhe, "host") == 0;
    return 0;
}

static int check(P11KitUri *uri, bool *host_ecdhe, const char **text) {
    if (p11_kit_uri_any_unrecognized(uri)) {
        *text = "the pkcs11 uri has an attribute that is not known";
        return CLEAT_ERR_ARG;
    }
    int err = check_object_type(uri, text);
    return err != 0 ? err : check_query(uri, host_ecdhe, text);
}

int cleat_pkcs11_uri_parse(const char *address, P11KitUri **uri,
                           bool *host_ecdhe, const char **text) {
    char whole[ADDRESS_MAX];
    if (address == NULL) {
        *text = "expected token=NAME;object=LABEL behind pkcs11:";
        return CLEAT_ERR_ARG;
    }
    int n = snprintf(whole, sizeof whole, "pkcs11:%s", address);
    if (n < 0 || (size_t)n >= sizeof whole) {
        *text = "the pkcs11 uri is too long";
        return CLEAT_ERR_SIZE;
    }
    P11KitUri *made = p11_kit_uri_new();
    if (made == NULL) {
        *text = "out of memory";
        return CLEAT_ERR_FULL;
    }
    int code = p11_kit_uri_parse(whole, P11_KIT_URI_FOR_ANY, made);
    cleat_wipe(whole, sizeof whole); /* It may hold the refused pin-value. */
    int err = CLEAT_ERR_ARG;
    if (code == P11_KIT_URI_OK) {
        err = check(made, host_ecdhe, text);
    } else {
        *text = parse_error(code);
    }
    if (err != 0) {
        p11_kit_uri_free(made);
        return err;
    }
    *uri = made;
    return 0;
}
