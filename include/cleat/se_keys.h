/* SPDX-License-Identifier: MIT */
/*
 * What an OPTIGA Trust M does beyond the operations of cleat/se.h: keys of any
 * curve it knows, RSA, AES, HMAC, the TLS PRF and HKDF. Each is one command or
 * a few (CLEAT_SE_COMMAND), and a program links only those it calls. Blocking,
 * like cleat_se_do(); any task but the element's. Every reply is checked; what
 * is not of the form and length it must have is CLEAT_ERR_PROTO.
 */
#ifndef CLEAT_SE_KEYS_H
#define CLEAT_SE_KEYS_H

#include "cleat/se.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Kinds of keys, numbered as the chip does. V1 knows P-256, P-384 and RSA. */
enum cleat_se_alg {
    CLEAT_SE_ALG_P256 = 0x03,
    CLEAT_SE_ALG_P384 = 0x04,
    CLEAT_SE_ALG_P521 = 0x05,
    CLEAT_SE_ALG_BRAINPOOL256 = 0x13,
    CLEAT_SE_ALG_BRAINPOOL384 = 0x15,
    CLEAT_SE_ALG_BRAINPOOL512 = 0x16,
    CLEAT_SE_ALG_RSA1024 = 0x41,
    CLEAT_SE_ALG_RSA2048 = 0x42,
    CLEAT_SE_ALG_AES128 = 0x81,
    CLEAT_SE_ALG_AES192 = 0x82,
    CLEAT_SE_ALG_AES256 = 0x83
};

/** One more usage bit (see CLEAT_SE_USE_SIGN): RSA and AES keys. */
#define CLEAT_SE_USE_ENCRYPT 0x02

/** Most bytes: a field element, an uncompressed point, r and s, a modulus, an
 *  RSA public key in DER, a tag of HMAC. */
#define CLEAT_SE_KEYS_FIELD_MAX 66
#define CLEAT_SE_KEYS_POINT_MAX (1 + 2 * CLEAT_SE_KEYS_FIELD_MAX)
#define CLEAT_SE_KEYS_RSA_MAX 256
#define CLEAT_SE_KEYS_PUBLIC_MAX 270
#define CLEAT_SE_KEYS_MAC_MAX 64

/** @return bytes of a field element or a modulus, 0 for AES and unknown. */
size_t cleat_se_alg_bytes(enum cleat_se_alg alg);
/** @return true for the curves. */
bool cleat_se_alg_is_curve(enum cleat_se_alg alg);

/** A key, or a secret, in an element. Zero it and set the first three. */
struct cleat_se_key {
    struct cleat_se *se;
    uint16_t object; /**< As 0xE0F1; of secrets as 0xF1D0 or 0xE100. */
    enum cleat_se_alg alg;
    uint16_t keep; /**< AGREE, DERIVE: session object that keeps the result,
                        which then does not leave the element; 0: it comes. */
    struct cleat_detail detail; /**< Result: why the last call failed. */
};

/**
 * Make a key in the object. THE KEY THAT WAS THERE IS GONE.
 *
 * @param usage   CLEAT_SE_USE_ bits.
 * @param public_key  Gets 04 X Y, or an RSAPublicKey in DER; NULL for AES.
 * @return 0; CLEAT_ERR_DENIED the object's change condition; CLEAT_ERR_SIZE
 *         the room is too small (nothing was done); or as cleat_se_do(). An RSA
 *         key takes seconds.
 */
int cleat_se_key_generate(struct cleat_se_key *key, uint8_t usage,
                          struct cleat_buf *public_key);

/**
 * Sign a digest: ECDSA (r s, fixed width; a longer digest is cut), or RSASSA
 * PKCS#1 v1.5 with SHA-256, -384 or -512 by the digest's length.
 */
int cleat_se_key_sign(struct cleat_se_key *key, struct cleat_bytes digest,
                      struct cleat_buf *signature);

/**
 * Check a signature of these forms with a public key as generate returns it,
 * or, if that is empty, with the certificate in key->object (which must be bare
 * DER, of type trust anchor or device certificate).
 * @return 0, CLEAT_ERR_VERIFY, or as cleat_se_do().
 */
int cleat_se_key_verify(struct cleat_se_key *key, struct cleat_bytes public_key,
                        struct cleat_bytes digest,
                        struct cleat_bytes signature);

/**
 * ECDH. The point must be known to be on the curve: the chip takes one that is
 * not for an attack and slows down for minutes.
 * @param secret  Gets the X coordinate; NULL if key->keep.
 */
int cleat_se_key_agree(struct cleat_se_key *key, struct cleat_bytes point,
                       struct cleat_buf *secret);

/** RSAES PKCS#1 v1.5 with a public key in DER; no key object is used. */
int cleat_se_key_encrypt_to(struct cleat_se_key *key,
                            struct cleat_bytes public_key,
                            struct cleat_bytes message,
                            struct cleat_buf *ciphertext);
/** Undo it with the private key. */
int cleat_se_key_decrypt_from(struct cleat_se_key *key,
                              struct cleat_bytes ciphertext,
                              struct cleat_buf *message);

/** How AES is used, numbered as the chip does. */
enum cleat_se_cipher { CLEAT_SE_ECB = 0x08, CLEAT_SE_CBC = 0x09 };
/** Tags over data, numbered as the chip does. */
enum cleat_se_mac {
    CLEAT_SE_CBC_MAC = 0x0A,
    CLEAT_SE_CMAC = 0x0B,
    CLEAT_SE_HMAC_SHA256 = 0x20,
    CLEAT_SE_HMAC_SHA384 = 0x21,
    CLEAT_SE_HMAC_SHA512 = 0x22
};

/**
 * AES over whole blocks of 16 bytes, in commands of 608. Other tasks must not
 * use the element meanwhile if there is more than that: CLEAT_ERR_STATE.
 *
 * @param iv   16 bytes; of CBC only.
 * @param out  Room for as much as comes in; may be the same memory.
 */
int cleat_se_key_encrypt(struct cleat_se_key *key, enum cleat_se_cipher mode,
                         struct cleat_bytes iv, struct cleat_bytes data,
                         struct cleat_buf *out);
/** The other direction, as cleat_se_key_encrypt(). */
int cleat_se_key_decrypt(struct cleat_se_key *key, enum cleat_se_cipher mode,
                         struct cleat_bytes iv, struct cleat_bytes data,
                         struct cleat_buf *out);

/** A tag over data: with an AES key, or HMAC with the secret in the object.
 *  CBC-MAC takes whole blocks. Otherwise as cleat_se_key_encrypt(). */
int cleat_se_key_mac(struct cleat_se_key *key, enum cleat_se_mac mode,
                     struct cleat_bytes data, struct cleat_buf *tag);

/** Key derivation, numbered as the chip does. */
enum cleat_se_kdf {
    CLEAT_SE_PRF_SHA256 = 0x01, /**< TLS 1.2; salt = label and seed, 8..1024. */
    CLEAT_SE_PRF_SHA384 = 0x02,
    CLEAT_SE_PRF_SHA512 = 0x03,
    CLEAT_SE_HKDF_SHA256 = 0x08,
    CLEAT_SE_HKDF_SHA384 = 0x09,
    CLEAT_SE_HKDF_SHA512 = 0x0A
};

/**
 * Derive from the secret in the object.
 *
 * @param salt  At most 1024 bytes.
 * @param info  HKDF only, at most 256 bytes.
 * @param len   16..256 bytes; 66 at most if key->keep (V1: 48).
 * @param out   Gets them; NULL if key->keep.
 */
int cleat_se_key_derive(struct cleat_se_key *key, enum cleat_se_kdf kdf,
                        struct cleat_bytes salt, struct cleat_bytes info,
                        size_t len, struct cleat_buf *out);

/** SHA-256 of len bytes of the data object key->object, from offset on. */
int cleat_se_key_hash_object(struct cleat_se_key *key, uint16_t offset,
                             uint16_t len, uint8_t digest[32]);

/** SHA-256 of data, computed by the chip at some 15 kB a second: the host is
 *  faster. In commands of 1280; otherwise as cleat_se_key_encrypt(). */
int cleat_se_key_hash(struct cleat_se_key *key, struct cleat_bytes data,
                      uint8_t digest[32]);

#ifdef __cplusplus
}
#endif
#endif
