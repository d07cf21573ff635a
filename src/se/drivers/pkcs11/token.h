/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the pkcs11 driver share: one token, one session, one
 * identity. uri.c reads the address, pin.c gets the PIN, token.c finds and
 * opens, key.c computes, object.c holds data, words.c explains.
 */
#ifndef CLEAT_PKCS11_TOKEN_H
#define CLEAT_PKCS11_TOKEN_H

#include <openssl/evp.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <sys/types.h>

#include "cleat/se.h"

#define CLEAT_PKCS11_SESSION_KEYS 4
#define CLEAT_PKCS11_ID_MAX 128
#define CLEAT_PKCS11_PIN_MAX 255
#define CLEAT_PKCS11_TEXT_MAX 1024
#define CLEAT_PKCS11_UID_LEN 16
#define CLEAT_PKCS11_NONE CK_INVALID_HANDLE

/** What the token said it can; asked for at open. */
struct cleat_pkcs11_able {
    bool sign, verify, generate, agree, random;
};

/** A key pair that ends with the session. */
struct cleat_pkcs11_pair {
    CK_OBJECT_HANDLE private_key, public_key;
    EVP_PKEY *host; /**< Instead, with x-ecdhe=host. */
    enum cleat_curve curve;
};

struct cleat_pkcs11 {
    P11KitUri *uri;
    CK_FUNCTION_LIST **modules; /**< Initialised; p11-kit's own array. */
    CK_FUNCTION_LIST *one[2];   /**< Or only that of module-path. */
    CK_FUNCTION_LIST *fn;       /**< The token's. */
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
    CK_FLAGS flags; /**< Of the token. */
    bool open;
    pid_t process;    /**< That opened it. */
    bool lost;        /**< Was open, and went away by itself. */
    bool host_ecdhe;  /**< Allowed by the address. */
    bool host_verify; /**< The token turned out not to verify. */
    bool pin_refused; /**< Never try that PIN again: it would lock the token. */
    struct cleat_pkcs11_able able;

    CK_OBJECT_HANDLE key; /**< The identity. */
    CK_KEY_TYPE key_type;
    enum cleat_curve key_curve; /**< 0: not known. */
    bool key_asks_each_time;    /**< CKA_ALWAYS_AUTHENTICATE */
    uint8_t id[CLEAT_PKCS11_ID_MAX];
    size_t id_len;

    struct cleat_pkcs11_pair pair[CLEAT_PKCS11_SESSION_KEYS];
    char pin[CLEAT_PKCS11_PIN_MAX + 1]; /**< Typed by a person; else empty. */
    size_t pin_len;
    char text[CLEAT_PKCS11_TEXT_MAX]; /**< Of op->detail; until deinit. */
};

/* uri.c */

/**
 * Read an address: what stands behind "pkcs11:".
 * @param uri  Set to a URI for p11_kit_uri_free(), on success only.
 * @return 0, CLEAT_ERR_ARG, CLEAT_ERR_SIZE; *text tells why.
 */
int cleat_pkcs11_uri_parse(const char *address, P11KitUri **uri,
                           bool *host_ecdhe, const char **text);

/* pin.c */

/** @return true if pin-source is a form that is understood. */
bool cleat_pkcs11_pin_source_ok(const char *source);
/** @return true if a person is asked for the PIN. */
bool cleat_pkcs11_pin_is_typed(const struct cleat_pkcs11 *t);
/**
 * The PIN from pin-source, CLEAT_PKCS11_PIN or a terminal, in this order.
 * @param last_try  Only a person may spend it.
 * @param pin  CLEAT_PKCS11_PIN_MAX + 1 bytes; the caller wipes them.
 * @return its length, or an enum cleat_err with *text.
 */
int cleat_pkcs11_pin_get(struct cleat_pkcs11 *t, bool last_try, char *pin,
                         const char **text);

/* token.c */

/** Find the token, log in, find the key. @return 0 or op's error. */
int cleat_pkcs11_token_open(struct cleat_pkcs11 *t, struct cleat_se_op *op);
/** Close the session: session keys are gone. In the child of a fork the
 *  parent's session is only forgotten. */
void cleat_pkcs11_token_close(struct cleat_pkcs11 *t);
/** Close, and let go of the modules. */
void cleat_pkcs11_token_unload(struct cleat_pkcs11 *t);
/** @return an attribute's length, or 0 if it is absent or larger than cap. */
size_t cleat_pkcs11_token_attribute(struct cleat_pkcs11 *t, CK_OBJECT_HANDLE o,
                                    CK_ATTRIBUTE_TYPE type, void *out,
                                    size_t cap);
/** @return how many objects match (counted up to 64), the first cap of them in
 *  found; or op's error. */
int cleat_pkcs11_token_find(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                            CK_SESSION_HANDLE session, CK_ATTRIBUTE *match,
                            CK_ULONG match_count, CK_OBJECT_HANDLE *found,
                            size_t cap);
/** Log in. @param who CKU_USER, or CKU_CONTEXT_SPECIFIC for one use. */
int cleat_pkcs11_token_login(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                             CK_USER_TYPE who);

/* key.c */

void cleat_pkcs11_key_forget(struct cleat_pkcs11 *t,
                             struct cleat_pkcs11_pair *pair);
int cleat_pkcs11_key_generate(struct cleat_pkcs11 *t, struct cleat_se_op *op);
int cleat_pkcs11_key_sign(struct cleat_pkcs11 *t, struct cleat_se_op *op);
int cleat_pkcs11_key_verify(struct cleat_pkcs11 *t, struct cleat_se_op *op);
int cleat_pkcs11_key_agree(struct cleat_pkcs11 *t, struct cleat_se_op *op);
/** @return the curve of CKA_EC_PARAMS, 0 if it is another. */
enum cleat_curve cleat_pkcs11_key_curve(struct cleat_bytes params);

/* host.c: what OpenSSL computes, all of it public but x-ecdhe=host; each sets
 * op->on_host. */

int cleat_pkcs11_host_generate(struct cleat_pkcs11_pair *pair,
                               struct cleat_se_op *op);
int cleat_pkcs11_host_agree(struct cleat_pkcs11_pair *pair,
                            struct cleat_se_op *op);
int cleat_pkcs11_host_verify(struct cleat_se_op *op);
int cleat_pkcs11_host_hash(struct cleat_se_op *op);

/* object.c */

int cleat_pkcs11_object_certificate(struct cleat_pkcs11 *t,
                                    struct cleat_se_op *op);
int cleat_pkcs11_object_read(struct cleat_pkcs11 *t, struct cleat_se_op *op);
int cleat_pkcs11_object_write(struct cleat_pkcs11 *t, struct cleat_se_op *op);

/* words.c */

/** Keep rv and its words in op. @return the enum cleat_err it amounts to. */
int cleat_pkcs11_words_rv(struct cleat_pkcs11 *t, struct cleat_se_op *op,
                          CK_RV rv);
/** Copy a name that came from a token; what is not printable becomes '?'. */
void cleat_pkcs11_words_label(char *out, size_t cap, const void *label,
                              size_t len);
/** Our own words. @return err */
int cleat_pkcs11_words_say(struct cleat_se_op *op, int err, const char *text);

#endif
