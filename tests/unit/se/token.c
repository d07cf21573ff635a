/* SPDX-License-Identifier: MIT */
/* SoftHSM2 tokens for tests; see token.h. */
#define _XOPEN_SOURCE 700
#include "token.h"

/* clang-format off */
#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <ftw.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SO_PIN "12345678"
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static char dir[64];
static const char *module;
static CK_FUNCTION_LIST *fn;

const char *token_module(void) {
    return module;
}

const char *token_dir(void) {
    return dir;
}

static void must(CK_RV rv) {
    if (rv != CKR_OK) {
        print_error("pkcs11 call: 0x%lx\n", (unsigned long)rv);
    }
    assert_int_equal(rv, CKR_OK);
}

bool token_setup(void) {
    static const char *const places[] = {
        "/usr/lib/softhsm/libsofthsm2.so",
        "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
        "/usr/lib64/pkcs11/libsofthsm2.so"};
    char path[128];
    module = NULL;
    for (size_t i = 0; i < COUNT(places) && module == NULL; i++) {
        module = access(places[i], R_OK) == 0 ? places[i] : NULL;
    }
    snprintf(dir, sizeof dir, "/tmp/cleat-token-XXXXXX");
    if (module == NULL || mkdtemp(dir) == NULL) {
        return false;
    }
    snprintf(path, sizeof path, "%s/tokens", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/softhsm2.conf", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f,
            "directories.tokendir = %s/tokens\nobjectstore.backend = file\n"
            "log.level = ERROR\n",
            dir);
    fclose(f);
    setenv("SOFTHSM2_CONF", path, 1);
    unsetenv("CLEAT_PKCS11_PIN");
    return true;
}

static int remove_one(const char *path, const struct stat *st, int type,
                      struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void token_teardown(void) {
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void move(const char *from, const char *to) {
    char a[96];
    char b[96];
    snprintf(a, sizeof a, "%s/%s", dir, from);
    snprintf(b, sizeof b, "%s/%s", dir, to);
    assert_int_equal(rename(a, b), 0);
}

void token_pull(void) {
    char path[96];
    move("tokens", "pulled");
    snprintf(path, sizeof path, "%s/tokens", dir);
    assert_int_equal(mkdir(path, 0700), 0);
}

void token_put_back(void) {
    char path[96];
    snprintf(path, sizeof path, "%s/tokens", dir);
    assert_int_equal(rmdir(path), 0);
    move("pulled", "tokens");
}

static void load(void) {
    fn = p11_kit_module_load(module, 0);
    assert_non_null(fn);
    must(p11_kit_module_initialize(fn));
}

static void unload(void) {
    must(p11_kit_module_finalize(fn));
    p11_kit_module_release(fn);
}

/* The slot of that label, or the empty one for NULL. */
static CK_SLOT_ID slot_of(const char *label) {
    CK_SLOT_ID slots[16];
    CK_ULONG count = COUNT(slots);
    CK_TOKEN_INFO info;
    must(fn->C_GetSlotList(CK_TRUE, slots, &count));
    for (CK_ULONG i = 0; i < count; i++) {
        must(fn->C_GetTokenInfo(slots[i], &info));
        bool made = (info.flags & CKF_TOKEN_INITIALIZED) != 0;
        if (label == NULL ? !made
                          : made && strncmp((const char *)info.label, label,
                                            strlen(label)) == 0) {
            return slots[i];
        }
    }
    fail_msg("no such slot");
    return 0;
}

static CK_SESSION_HANDLE log_in(CK_SLOT_ID slot, CK_USER_TYPE who,
                                const char *pin) {
    CK_SESSION_HANDLE s;
    must(fn->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL,
                           NULL, &s));
    must(fn->C_Login(s, who, (CK_UTF8CHAR_PTR)(uintptr_t)pin, strlen(pin)));
    return s;
}

void token_make(const char *label) {
    CK_UTF8CHAR padded[32];
    memset(padded, ' ', sizeof padded);
    memcpy(padded, label, strlen(label));
    load();
    CK_SLOT_ID slot = slot_of(NULL);
    must(fn->C_InitToken(slot, (CK_UTF8CHAR_PTR)(uintptr_t)SO_PIN,
                         strlen(SO_PIN), padded));
    CK_SESSION_HANDLE s = log_in(slot, CKU_SO, SO_PIN);
    must(fn->C_InitPIN(s, (CK_UTF8CHAR_PTR)(uintptr_t)TOKEN_PIN,
                       strlen(TOKEN_PIN)));
    must(fn->C_CloseSession(s));
    unload();
}

static CK_OBJECT_HANDLE make_pair(CK_SESSION_HANDLE s,
                                  const struct token_key *key) {
    static uint8_t p256[] = {0x06, 0x08, 0x2A, 0x86, 0x48,
                             0xCE, 0x3D, 0x03, 0x01, 0x07};
    static uint8_t p384[] = {0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};
    CK_MECHANISM how = {
        key->rsa ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, NULL, 0};
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL each_time = key->asks_each_time ? CK_TRUE : CK_FALSE;
    CK_ULONG bits = 2048;
    CK_OBJECT_HANDLE public_key;
    CK_OBJECT_HANDLE private_key;
    uint8_t id = key->id;
    CK_ATTRIBUTE kind = {CKA_EC_PARAMS, p256, sizeof p256};
    if (key->p384) {
        kind.pValue = p384;
        kind.ulValueLen = sizeof p384;
    }
    if (key->rsa) {
        kind.type = CKA_MODULUS_BITS;
        kind.pValue = &bits;
        kind.ulValueLen = sizeof bits;
    }
    CK_ATTRIBUTE public_half[] = {
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_ID, &id, 1},
        {CKA_LABEL, (void *)(uintptr_t)key->label, strlen(key->label)},
        kind};
    CK_ATTRIBUTE private_half[] = {
        {CKA_TOKEN, &yes, sizeof yes},
        {CKA_PRIVATE, &yes, sizeof yes},
        {CKA_SENSITIVE, &yes, sizeof yes},
        {CKA_SIGN, &yes, sizeof yes},
        {CKA_ALWAYS_AUTHENTICATE, &each_time, sizeof each_time},
        {CKA_ID, &id, 1},
        {CKA_LABEL, (void *)(uintptr_t)key->label, strlen(key->label)}};
    must(fn->C_GenerateKeyPair(s, &how, public_half, COUNT(public_half),
                               private_half, COUNT(private_half), &public_key,
                               &private_key));
    return public_key;
}

static EVP_PKEY *public_of(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE o, bool p384) {
    uint8_t point[128];
    CK_ATTRIBUTE a = {CKA_EC_POINT, point, sizeof point};
    char p256_name[] = "P-256";
    char p384_name[] = "P-384";
    EVP_PKEY *key = NULL;
    must(fn->C_GetAttributeValue(s, o, &a, 1));
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                         p384 ? p384_name : p256_name, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point + 2,
                                          a.ulValueLen - 2),
        OSSL_PARAM_construct_end()};
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(c), 1);
    assert_int_equal(EVP_PKEY_fromdata(c, &key, EVP_PKEY_PUBLIC_KEY, params),
                     1);
    EVP_PKEY_CTX_free(c);
    return key;
}

/* Signed by a key that is made for it and forgotten. */
static int certify(EVP_PKEY *key, uint8_t **der) {
    EVP_PKEY *ca = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"device", -1, -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(cert), "CN", MBSTRING_ASC,
                               (const unsigned char *)"ca", -1, -1, 0);
    X509_set_pubkey(cert, key);
    assert_true(X509_sign(cert, ca, EVP_sha256()) > 0);
    int len = i2d_X509(cert, der);
    assert_true(len > 0);
    X509_free(cert);
    EVP_PKEY_free(ca);
    return len;
}

static void write_certificate(CK_SESSION_HANDLE s, CK_OBJECT_HANDLE pair,
                              const struct token_key *key) {
    EVP_PKEY *public_key = public_of(s, pair, key->p384);
    uint8_t *der = NULL;
    int len = certify(public_key, &der);
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    CK_BBOOL yes = CK_TRUE;
    uint8_t id = key->id;
    uint8_t subject[] = {0x30, 0x00};
    CK_OBJECT_HANDLE made;
    CK_ATTRIBUTE all[] = {{CKA_CLASS, &class, sizeof class},
                          {CKA_CERTIFICATE_TYPE, &type, sizeof type},
                          {CKA_TOKEN, &yes, sizeof yes},
                          {CKA_ID, &id, 1},
                          {CKA_SUBJECT, subject, sizeof subject},
                          {CKA_VALUE, der, (CK_ULONG)len}};
    must(fn->C_CreateObject(s, all, COUNT(all), &made));
    OPENSSL_free(der);
    EVP_PKEY_free(public_key);
}

void token_add(const char *token, const struct token_key *key, bool none) {
    load();
    CK_SESSION_HANDLE s = log_in(slot_of(token), CKU_USER, TOKEN_PIN);
    CK_OBJECT_HANDLE pair = make_pair(s, key);
    if (!none) {
        write_certificate(s, pair, key);
    }
    must(fn->C_CloseSession(s));
    unload();
}
