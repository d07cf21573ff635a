/* SPDX-License-Identifier: MIT */
/* What a token's return value means, in an error and in words. */
#include "se/drivers/pkcs11/token.h"

struct words {
    CK_RV rv;
    int err;
    bool lost; /* The session is gone: it must be opened anew. */
    const char *text;
};

static const struct words table[] = {
    {CKR_PIN_INCORRECT, CLEAT_ERR_DENIED, false,
     "wrong pin; it is not tried again, so that the token does not lock"},
    {CKR_PIN_INVALID, CLEAT_ERR_DENIED, false,
     "this is no pin the token could have: wrong characters"},
    {CKR_PIN_LEN_RANGE, CLEAT_ERR_DENIED, false,
     "the pin is too short or too long for this token"},
    {CKR_PIN_EXPIRED, CLEAT_ERR_DENIED, false,
     "the pin has expired: set a new one with the token's own tool"},
    {CKR_PIN_LOCKED, CLEAT_ERR_DENIED, false,
     "the pin is locked after wrong tries: unblock it with the security "
     "officer's pin or puk and the token's own tool"},
    {CKR_USER_PIN_NOT_INITIALIZED, CLEAT_ERR_DENIED, false,
     "the token has no user pin yet: initialise it with its own tool"},
    {CKR_USER_ANOTHER_ALREADY_LOGGED_IN, CLEAT_ERR_DENIED, false,
     "the security officer is logged in to this token"},
    {CKR_FUNCTION_CANCELED, CLEAT_ERR_CANCELLED, false,
     "cancelled at the token"},
    {CKR_TOKEN_NOT_PRESENT, CLEAT_ERR_STATE, true, "the token is not there"},
    {CKR_TOKEN_NOT_RECOGNIZED, CLEAT_ERR_STATE, true,
     "the token is not recognised"},
    {CKR_DEVICE_REMOVED, CLEAT_ERR_STATE, true, "the token was pulled out"},
    {CKR_SLOT_ID_INVALID, CLEAT_ERR_STATE, true, "the token's slot is gone"},
    {CKR_SESSION_CLOSED, CLEAT_ERR_STATE, true,
     "the session was closed by the token"},
    {CKR_SESSION_HANDLE_INVALID, CLEAT_ERR_STATE, true,
     "the session is gone: the token was pulled out, or logged out by another"},
    {CKR_USER_NOT_LOGGED_IN, CLEAT_ERR_STATE, true,
     "not logged in any more: another program logged out"},
    {CKR_CRYPTOKI_NOT_INITIALIZED, CLEAT_ERR_STATE, true,
     "the module was finalised, or opened before a fork"},
    {CKR_MECHANISM_INVALID, CLEAT_ERR_UNSUPPORTED, false,
     "the token does not have this mechanism"},
    {CKR_MECHANISM_PARAM_INVALID, CLEAT_ERR_UNSUPPORTED, false,
     "the token does not take this mechanism's parameters"},
    {CKR_FUNCTION_NOT_SUPPORTED, CLEAT_ERR_UNSUPPORTED, false,
     "the token's module does not have this function"},
    {CKR_CURVE_NOT_SUPPORTED, CLEAT_ERR_UNSUPPORTED, false,
     "the token does not have this curve"},
    {CKR_DOMAIN_PARAMS_INVALID, CLEAT_ERR_UNSUPPORTED, false,
     "the token does not have this curve"},
    {CKR_TEMPLATE_INCONSISTENT, CLEAT_ERR_UNSUPPORTED, false,
     "the token does not make such objects"},
    {CKR_ATTRIBUTE_VALUE_INVALID, CLEAT_ERR_UNSUPPORTED, false,
     "the token does not make such objects"},
    {CKR_ATTRIBUTE_TYPE_INVALID, CLEAT_ERR_UNSUPPORTED, false,
     "the token does not have this attribute"},
    {CKR_RANDOM_NO_RNG, CLEAT_ERR_UNSUPPORTED, false,
     "the token makes no random numbers: set TLS_CHIP_RANDOM=0"},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, CLEAT_ERR_DENIED, false,
     "the key does not permit this use"},
    {CKR_KEY_TYPE_INCONSISTENT, CLEAT_ERR_CHIP, false,
     "the key is of another type"},
    {CKR_KEY_HANDLE_INVALID, CLEAT_ERR_NOT_FOUND, true,
     "the key is not on the token any more"},
    {CKR_OBJECT_HANDLE_INVALID, CLEAT_ERR_NOT_FOUND, true,
     "the object is not on the token any more"},
    {CKR_TOKEN_WRITE_PROTECTED, CLEAT_ERR_DENIED, false,
     "the token is write-protected"},
    {CKR_SESSION_READ_ONLY, CLEAT_ERR_DENIED, false,
     "the token cannot be written to"},
    {CKR_ATTRIBUTE_READ_ONLY, CLEAT_ERR_DENIED, false,
     "the object on the token cannot be changed"},
    {CKR_SIGNATURE_INVALID, CLEAT_ERR_VERIFY, false, "signature is not good"},
    {CKR_SIGNATURE_LEN_RANGE, CLEAT_ERR_VERIFY, false, "signature is not good"},
    {CKR_HOST_MEMORY, CLEAT_ERR_FULL, false, "out of memory"},
    {CKR_DEVICE_MEMORY, CLEAT_ERR_FULL, false, "the token has no room"},
    {CKR_SESSION_COUNT, CLEAT_ERR_FULL, false,
     "the token has no session left: close other programs that use it"},
    {CKR_DEVICE_ERROR, CLEAT_ERR_CHIP, false, "the token failed"},
    {CKR_FUNCTION_FAILED, CLEAT_ERR_CHIP, false, "the token failed"},
    {CKR_GENERAL_ERROR, CLEAT_ERR_CHIP, false,
     "the token's module failed without saying why"},
};

void cleat_pkcs11_words_label(char *out, size_t cap, const void *label,
                              size_t len) {
    struct cleat_reader r = cleat_reader_of(cleat_bytes_of(label, len));
    size_t n = 0;
    while (cleat_reader_left(&r) > 0 && n + 1 < cap) {
        uint8_t c = cleat_read_u8(&r);
        out[n++] = c < 0x20 || c == 0x7F ? '?' : (char)c; /* UTF-8 stays. */
    }
    out[n] = '\0';
}

int cleat_pkcs11_words_say(struct cleat_se_op *op, int err, const char *text) {
    op->detail.layer = CLEAT_LAYER_CHIP;
    op->detail.text = text;
    return err;
}

int cleat_pkcs11_words_rv(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                          CK_RV rv) {
    op->detail.code = (int32_t)(uint32_t)rv;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (table[i].rv == rv) {
            t->lost = t->lost || table[i].lost;
            return cleat_pkcs11_words_say(op, table[i].err, table[i].text);
        }
    }
    return cleat_pkcs11_words_say(op, CLEAT_ERR_CHIP, "the token refused");
}
