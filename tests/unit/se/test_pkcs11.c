/* SPDX-License-Identifier: MIT */
/* The PKCS#11 driver on SoftHSM2: conformance, and every refusal in words. */
#define _POSIX_C_SOURCE 200809L
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conformance.h"
#include "se/drivers/pkcs11/token.h"
#include "token.h"

static struct cleat_se se;
static struct cleat_task task = {"se", cleat_se_step, &se, NULL};
static struct cleat_se_op op;
static uint8_t out[2048];

static int init(const char *format, struct cleat_detail *detail) {
    static char address[512];
    snprintf(address, sizeof address, format, token_module(), token_dir());
    struct cleat_se_config config = {.address = address};
    const struct cleat_se_driver *driver =
        cleat_se_driver_find(cleat_bytes_str("pkcs11"));
    assert_non_null(driver);
    assert_false(driver->tests_only);
    return cleat_se_init(&se, driver, &config, &task, detail);
}

static int run(enum cleat_se_op_type type, uint16_t object) {
    memset(&op, 0, sizeof op);
    op.type = type;
    op.object = object;
    op.out.data = out;
    op.out.cap = sizeof out;
    return cleat_se_do(&se, &op, 0);
}

static int sign(uint16_t object) {
    static const uint8_t digest[32] = {1};
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_SIGN;
    op.object = object;
    op.in = cleat_bytes_of(digest, sizeof digest);
    op.out.data = out;
    op.out.cap = sizeof out;
    return cleat_se_do(&se, &op, 0);
}

static int generate(uint16_t object) {
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_GENERATE;
    op.object = object;
    op.usage = CLEAT_SE_USE_SIGN;
    op.out.data = out;
    op.out.cap = sizeof out;
    return cleat_se_do(&se, &op, 0);
}

static void must_init(const char *format) {
    struct cleat_detail detail;
    int err = init(format, &detail);
    if (err != 0) {
        print_error("%s: %s\n", format, detail.text);
    }
    assert_int_equal(err, 0);
}

static void must_open(const char *format) {
    must_init(format);
    if (run(CLEAT_SE_OPEN, 0) != 0) {
        print_error("%s: %s\n", format, op.detail.text);
    }
    assert_int_equal(op.err, 0);
}

static void says(const char *words) {
    if (op.detail.text == NULL || strstr(op.detail.text, words) == NULL) {
        print_error("\"%s\" is not in: %s\n", words,
                    op.detail.text == NULL ? "(null)" : op.detail.text);
        fail();
    }
}

/* OPEN of this address fails with that error and those words. */
static void refuses(const char *format, int err, const char *words) {
    must_init(format);
    assert_int_equal(run(CLEAT_SE_OPEN, 0), err);
    says(words);
    assert_int_equal(run(CLEAT_SE_RANDOM, 0), CLEAT_ERR_STATE);
    cleat_se_deinit(&se);
}

#define FILES "module-path=%s&pin-source=file:%s/pin"

static void conforms_with(const char *address, enum cleat_curve curve) {
    struct conformance c = {&se,
                            CLEAT_SE_OBJECT_KEY,
                            CLEAT_SE_OBJECT_CERTIFICATE,
                            curve,
                            0xF1D0,
                            0xF1E0,
                            0};
    must_init(address);
    conformance_run(&c);
    cleat_se_deinit(&se);
}

static void a_token_conforms_with_a_p256_identity(void **state) {
    (void)state;
    conforms_with("token=one;object=p256?" FILES, CLEAT_CURVE_P256);
}

static void a_token_conforms_with_a_p384_identity(void **state) {
    (void)state;
    conforms_with("token=one;id=%%02?" FILES, CLEAT_CURVE_P384);
}

static void a_token_conforms_with_ephemeral_keys_on_the_host(void **state) {
    (void)state;
    conforms_with("token=one;object=p256?x-ecdhe=host&" FILES,
                  CLEAT_CURVE_P256);
}

static void bad_addresses_are_refused_before_the_token(void **state) {
    static const struct {
        const char *address;
        int err;
        const char *words;
    } bad[] = {
        {"token", CLEAT_ERR_ARG, "not well formed"},
        {"token=%%zz", CLEAT_ERR_ARG, "encoding"},
        {"token=one;colour=blue", CLEAT_ERR_ARG, "not known"},
        {"token=one;type=data", CLEAT_ERR_ARG, "neither key nor certificate"},
        {"token=one?pin-value=4321", CLEAT_ERR_ARG, "pin-value is refused"},
        {"token=one?pin-source=|command", CLEAT_ERR_ARG, "pin-source"},
        {"token=one?x-ecdhe=maybe", CLEAT_ERR_ARG, "x-ecdhe"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct cleat_detail detail = {0};
        assert_int_equal(init(bad[i].address, &detail), bad[i].err);
        assert_non_null(detail.text);
        assert_non_null(strstr(detail.text, bad[i].words));
        assert_null(strstr(detail.text, "4321"));
    }
    char longest[3000];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    struct cleat_detail detail = {0};
    struct cleat_se_config config = {.address = longest};
    assert_int_equal(
        cleat_se_init(&se, cleat_se_driver_find(cleat_bytes_str("pkcs11")),
                      &config, &task, &detail),
        CLEAT_ERR_SIZE);
}

static void a_uri_that_matches_several_keys_lists_them(void **state) {
    (void)state;
    must_init("token=one?" FILES);
    assert_int_equal(run(CLEAT_SE_OPEN, 0), CLEAT_ERR_ARG);
    says("5 keys match the pkcs11 uri:");
    says(" object=p256;id=%01");
    says(" object=p384;id=%02");
    says(" object=rsa;id=%03");
    says("name one with object= or id=");
    cleat_se_deinit(&se);
}

static void a_uri_that_matches_several_tokens_lists_them(void **state) {
    (void)state;
    must_init("object=p256?" FILES);
    assert_int_equal(run(CLEAT_SE_OPEN, 0), CLEAT_ERR_ARG);
    says("2 tokens match the pkcs11 uri:");
    says(" token=one;serial=");
    says(" token=two;serial=");
    cleat_se_deinit(&se);
}

static void what_is_not_there_is_told(void **state) {
    (void)state;
    refuses("token=three;object=p256?" FILES, CLEAT_ERR_NOT_FOUND,
            "no token matches");
    refuses("token=one;object=none?" FILES, CLEAT_ERR_NOT_FOUND,
            "no private key on the token matches");
    refuses("token=two?" FILES, CLEAT_ERR_NOT_FOUND, "no private key");
    refuses(
        "token=one;object=p256?module-path=/none%.0s&pin-source=file:%s/pin",
        CLEAT_ERR_NOT_FOUND, "module cannot be loaded");
    refuses("token=one;object=p256?module-name=none%.0s%.0s",
            CLEAT_ERR_NOT_FOUND, "no such module");
}

static void the_pin_comes_from_a_file_or_the_environment(void **state) {
    (void)state;
    refuses("token=one;object=p256?module-path=%s&pin-source=file:%s/none",
            CLEAT_ERR_NOT_FOUND, "pin file is not there");
    refuses("token=one;object=p256?module-path=%s&pin-source=file:%s/empty",
            CLEAT_ERR_ARG, "pin file is empty");
    setenv("CLEAT_PKCS11_PIN", TOKEN_PIN, 1);
    must_open("token=one;object=p256?module-path=%s");
    assert_int_equal(sign(CLEAT_SE_OBJECT_KEY), 0);
    cleat_se_deinit(&se);
    unsetenv("CLEAT_PKCS11_PIN");
}

static void a_wrong_pin_is_tried_once_only(void **state) {
    (void)state;
    must_init("token=one;object=p256?module-path=%s&pin-source=file:%s/wrong");
    assert_int_equal(run(CLEAT_SE_OPEN, 0), CLEAT_ERR_DENIED);
    says("wrong pin");
    assert_int_equal(op.detail.code, 0xA0); /* CKR_PIN_INCORRECT */
    /* Even if it were right now, it is not sent again. */
    char wrong[96];
    snprintf(wrong, sizeof wrong, "%s/wrong", token_dir());
    FILE *f = fopen(wrong, "w");
    fputs(TOKEN_PIN, f);
    fclose(f);
    assert_int_equal(run(CLEAT_SE_RESET, 0), 0);
    assert_int_equal(run(CLEAT_SE_OPEN, 0), CLEAT_ERR_DENIED);
    says("wrong pin");
    cleat_se_deinit(&se);
    must_open("token=one;object=p256?module-path=%s&pin-source=file:%s/wrong");
    cleat_se_deinit(&se);
    f = fopen(wrong, "w");
    fputs("9999\n", f);
    fclose(f);
}

static void a_key_that_asks_for_the_pin_each_time_gets_it(void **state) {
    (void)state;
    must_open("token=one;object=careful?" FILES);
    assert_int_equal(sign(CLEAT_SE_OBJECT_KEY), 0);
    assert_int_equal(sign(CLEAT_SE_OBJECT_KEY), 0);
    cleat_se_deinit(&se);
}

static void only_ecdsa_keys_sign(void **state) {
    (void)state;
    must_open("token=one;object=rsa?" FILES);
    assert_int_equal(sign(CLEAT_SE_OBJECT_KEY), CLEAT_ERR_UNSUPPORTED);
    says("no EC key");
    cleat_se_deinit(&se);
    must_open("token=one;object=p384?" FILES);
    assert_int_equal(sign(CLEAT_SE_OBJECT_KEY), CLEAT_ERR_CHIP);
    says("another curve");
    assert_int_equal(sign(0xE0F1), CLEAT_ERR_NOT_FOUND);
    assert_int_equal(sign(CLEAT_SE_OBJECT_SESSION), CLEAT_ERR_NOT_FOUND);
    cleat_se_deinit(&se);
}

static void a_key_without_certificate_says_so(void **state) {
    (void)state;
    must_open("token=one;object=bare?" FILES);
    assert_int_equal(run(CLEAT_SE_CERTIFICATE, CLEAT_SE_OBJECT_CERTIFICATE),
                     CLEAT_ERR_NOT_FOUND);
    says("no certificate on the token has the key's id");
    assert_int_equal(sign(CLEAT_SE_OBJECT_KEY), 0);
    assert_int_equal(run(CLEAT_SE_READ, CLEAT_SE_OBJECT_UID), 0);
    assert_int_equal(op.out.len, 16);
    cleat_se_deinit(&se);
}

static void the_uid_is_the_keys_and_stays(void **state) {
    uint8_t first[16];
    (void)state;
    must_open("token=one;object=p256?" FILES);
    assert_int_equal(run(CLEAT_SE_READ, CLEAT_SE_OBJECT_UID), 0);
    memcpy(first, out, sizeof first);
    cleat_se_deinit(&se);
    must_open("token=one;id=%%01?" FILES);
    assert_int_equal(run(CLEAT_SE_READ, CLEAT_SE_OBJECT_UID), 0);
    assert_memory_equal(first, out, sizeof first);
    cleat_se_deinit(&se);
    must_open("token=one;object=p384?" FILES);
    assert_int_equal(run(CLEAT_SE_READ, CLEAT_SE_OBJECT_UID), 0);
    assert_memory_not_equal(first, out, sizeof first);
    cleat_se_deinit(&se);
}

static void what_a_token_never_does_is_refused(void **state) {
    (void)state;
    must_open("token=one;object=p256?" FILES);
    assert_int_equal(run(CLEAT_SE_READ_METADATA, 0xF1D0),
                     CLEAT_ERR_UNSUPPORTED);
    assert_int_equal(generate(CLEAT_SE_OBJECT_KEY), CLEAT_ERR_UNSUPPORTED);
    says("the token's own tool");
    cleat_se_deinit(&se);
}

static void two_elements_share_a_token(void **state) {
    static struct cleat_se other;
    static struct cleat_task other_task = {"other", cleat_se_step, &other,
                                           NULL};
    char address[512];
    (void)state;
    must_open("token=one;object=p256?" FILES);
    snprintf(address, sizeof address, "token=one;object=p384?" FILES,
             token_module(), token_dir());
    struct cleat_se_config config = {.address = address};
    assert_int_equal(
        cleat_se_init(&other, cleat_se_driver_find(cleat_bytes_str("pkcs11")),
                      &config, &other_task, NULL),
        0);
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_OPEN;
    assert_int_equal(cleat_se_do(&other, &op, 0), 0);
    cleat_se_deinit(&other);
    assert_int_equal(sign(CLEAT_SE_OBJECT_KEY), 0);
    cleat_se_deinit(&se);
}

static void after_a_fork_the_child_has_a_session_of_its_own(void **state) {
    (void)state;
    must_open("token=one;object=p256?" FILES);
    assert_int_equal(generate(CLEAT_SE_OBJECT_SESSION), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int first = sign(CLEAT_SE_OBJECT_KEY);
        int session = sign(CLEAT_SE_OBJECT_SESSION);
        cleat_se_deinit(&se);
        _exit(first == 0 && session == CLEAT_ERR_NOT_FOUND ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(sign(CLEAT_SE_OBJECT_KEY), 0);
    assert_int_equal(sign(CLEAT_SE_OBJECT_SESSION), 0);
    cleat_se_deinit(&se);
}

static void a_token_that_was_pulled_is_taken_up_again(void **state) {
    (void)state;
    must_open("token=one;object=p256?" FILES);
    assert_int_equal(generate(CLEAT_SE_OBJECT_SESSION), 0);
    token_pull();
    assert_int_not_equal(sign(CLEAT_SE_OBJECT_KEY), 0);
    assert_int_not_equal(op.detail.code, 0);
    assert_int_equal(sign(CLEAT_SE_OBJECT_KEY), CLEAT_ERR_NOT_FOUND);
    says("no token matches");
    assert_int_equal(sign(CLEAT_SE_OBJECT_KEY), CLEAT_ERR_NOT_FOUND);
    token_put_back();
    assert_int_equal(sign(CLEAT_SE_OBJECT_KEY), 0);
    assert_int_equal(sign(CLEAT_SE_OBJECT_SESSION), CLEAT_ERR_NOT_FOUND);
    cleat_se_deinit(&se);
}

static struct cleat_pkcs11 *token_of_se(void) {
    return *(struct cleat_pkcs11 **)(void *)se.ctx;
}

static CK_FUNCTION_LIST *real_fn;
static CK_FLAGS flags_set, flags_cleared;

static CK_RV told_otherwise(CK_SLOT_ID slot, CK_TOKEN_INFO_PTR info) {
    CK_RV rv = real_fn->C_GetTokenInfo(slot, info);
    info->flags = (info->flags | flags_set) & ~flags_cleared;
    return rv;
}

/* SoftHSM2 never locks: its flags are changed on the way. */
static void a_pin_is_not_spent_on_a_token_near_its_end(void **state) {
    static const struct {
        CK_FLAGS set, cleared;
        const char *words;
    } ends[] = {
        {CKF_USER_PIN_FINAL_TRY, 0, "one try is left"},
        {CKF_USER_PIN_LOCKED, 0, "pin is locked"},
        {0, CKF_USER_PIN_INITIALIZED, "no user pin"},
    };
    (void)state;
    must_open("token=one;object=p256?" FILES);
    struct cleat_pkcs11 *t = token_of_se();
    real_fn = t->fn;
    CK_FUNCTION_LIST changed = *real_fn;
    changed.C_GetTokenInfo = told_otherwise;
    t->fn = &changed;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        flags_set = ends[i].set;
        flags_cleared = ends[i].cleared;
        memset(&op, 0, sizeof op);
        assert_int_equal(cleat_pkcs11_token_login(t, &op, CKU_USER),
                         CLEAT_ERR_DENIED);
        says(ends[i].words);
    }
    t->fn = real_fn;
    cleat_se_deinit(&se);
}

static void what_a_token_lacks_is_named(void **state) {
    (void)state;
    must_open("token=one;object=p256?" FILES);
    struct cleat_pkcs11 *t = token_of_se();
    memset(&t->able, 0, sizeof t->able);
    assert_int_equal(sign(CLEAT_SE_OBJECT_KEY), CLEAT_ERR_UNSUPPORTED);
    says("CKM_ECDSA");
    assert_int_equal(run(CLEAT_SE_RANDOM, 0), CLEAT_ERR_UNSUPPORTED);
    says("TLS_CHIP_RANDOM=0");
    assert_int_equal(generate(CLEAT_SE_OBJECT_SESSION), CLEAT_ERR_UNSUPPORTED);
    says("CKM_EC_KEY_PAIR_GEN");
    t->able.generate = true;
    memset(&op, 0, sizeof op);
    op.type = CLEAT_SE_GENERATE;
    op.object = CLEAT_SE_OBJECT_SESSION;
    op.usage = CLEAT_SE_USE_AGREE;
    op.out.data = out;
    op.out.cap = sizeof out;
    assert_int_equal(cleat_se_do(&se, &op, 0), CLEAT_ERR_UNSUPPORTED);
    says("CKM_ECDH1_DERIVE");
    says("x-ecdhe=host");
    cleat_se_deinit(&se);
}

static void return_values_have_an_error_and_words(void **state) {
    static const struct {
        CK_RV rv;
        int err;
        bool lost;
        const char *words;
    } known[] = {
        {CKR_PIN_INCORRECT, CLEAT_ERR_DENIED, false, "wrong pin"},
        {CKR_PIN_LOCKED, CLEAT_ERR_DENIED, false, "pin is locked"},
        {CKR_PIN_EXPIRED, CLEAT_ERR_DENIED, false, "expired"},
        {CKR_USER_PIN_NOT_INITIALIZED, CLEAT_ERR_DENIED, false, "no user pin"},
        {CKR_TOKEN_NOT_PRESENT, CLEAT_ERR_STATE, true, "not there"},
        {CKR_DEVICE_REMOVED, CLEAT_ERR_STATE, true, "pulled out"},
        {CKR_SESSION_HANDLE_INVALID, CLEAT_ERR_STATE, true, "session is gone"},
        {CKR_SESSION_CLOSED, CLEAT_ERR_STATE, true, "closed by the token"},
        {CKR_USER_NOT_LOGGED_IN, CLEAT_ERR_STATE, true, "not logged in"},
        {CKR_MECHANISM_INVALID, CLEAT_ERR_UNSUPPORTED, false, "mechanism"},
        {CKR_SIGNATURE_INVALID, CLEAT_ERR_VERIFY, false, "not good"},
        {CKR_DEVICE_MEMORY, CLEAT_ERR_FULL, false, "no room"},
        {CKR_GENERAL_ERROR, CLEAT_ERR_CHIP, false, "without saying why"},
        {CKR_VENDOR_DEFINED + 7, CLEAT_ERR_CHIP, false, "refused"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        static struct cleat_pkcs11 t;
        memset(&t, 0, sizeof t);
        memset(&op, 0, sizeof op);
        assert_int_equal(cleat_pkcs11_words_rv(&t, &op, known[i].rv),
                         known[i].err);
        assert_int_equal(t.lost, known[i].lost);
        assert_int_equal((uint32_t)op.detail.code, (uint32_t)known[i].rv);
        assert_int_equal(op.detail.layer, CLEAT_LAYER_CHIP);
        says(known[i].words);
    }
}

static void names_from_a_token_cannot_steer_a_terminal(void **state) {
    char out_name[8];
    (void)state;
    cleat_pkcs11_words_label(out_name, sizeof out_name, "a\x1b[2Jbcdef", 10);
    assert_string_equal(out_name, "a?[2Jbc");
    cleat_pkcs11_words_label(out_name, sizeof out_name, "", 0);
    assert_string_equal(out_name, "");
}

static void signatures_are_checked_on_the_host_if_need_be(void **state) {
    uint8_t point[65];
    uint8_t signature[64];
    (void)state;
    must_open("token=one;object=p256?" FILES);
    assert_int_equal(generate(CLEAT_SE_OBJECT_SESSION), 0);
    assert_false(op.on_host);
    memcpy(point, out, sizeof point);
    assert_int_equal(sign(CLEAT_SE_OBJECT_SESSION), 0);
    memcpy(signature, out, sizeof signature);
    static const uint8_t digest[32] = {1};
    for (int i = 0; i < 4; i++) {
        bool host = i >= 2;
        bool bad = i % 2 == 1;
        signature[5] = (uint8_t)(signature[5] ^ (bad ? 1 : 0));
        memset(&op, 0, sizeof op);
        op.type = CLEAT_SE_VERIFY;
        op.in = cleat_bytes_of(digest, sizeof digest);
        op.key = cleat_bytes_of(point, sizeof point);
        op.signature = cleat_bytes_of(signature, sizeof signature);
        token_of_se()->host_verify = host;
        assert_int_equal(cleat_se_do(&se, &op, 0), bad ? CLEAT_ERR_VERIFY : 0);
        assert_int_equal(op.on_host, host);
        signature[5] = (uint8_t)(signature[5] ^ (bad ? 1 : 0));
    }
    cleat_se_deinit(&se);
}

static void write_file(const char *name, const char *text) {
    char path[96];
    snprintf(path, sizeof path, "%s/%s", token_dir(), name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    chmod(path, 0600);
}

static int make_tokens(void **state) {
    static const struct token_key keys[] = {
        {.label = "p256", .id = 1},
        {.label = "p384", .id = 2, .p384 = true},
        {.label = "rsa", .id = 3, .rsa = true},
        {.label = "bare", .id = 4},
        {.label = "careful", .id = 5, .asks_each_time = true}};
    (void)state;
    token_make("one");
    token_make("two");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        token_add("one", &keys[i], keys[i].rsa || keys[i].id == 4);
    }
    write_file("pin", TOKEN_PIN "\n");
    write_file("wrong", "9999\n");
    write_file("empty", "\n");
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_conforms_with_a_p256_identity),
        cmocka_unit_test(a_token_conforms_with_a_p384_identity),
        cmocka_unit_test(a_token_conforms_with_ephemeral_keys_on_the_host),
        cmocka_unit_test(bad_addresses_are_refused_before_the_token),
        cmocka_unit_test(a_uri_that_matches_several_keys_lists_them),
        cmocka_unit_test(a_uri_that_matches_several_tokens_lists_them),
        cmocka_unit_test(what_is_not_there_is_told),
        cmocka_unit_test(the_pin_comes_from_a_file_or_the_environment),
        cmocka_unit_test(a_wrong_pin_is_tried_once_only),
        cmocka_unit_test(a_key_that_asks_for_the_pin_each_time_gets_it),
        cmocka_unit_test(only_ecdsa_keys_sign),
        cmocka_unit_test(a_key_without_certificate_says_so),
        cmocka_unit_test(the_uid_is_the_keys_and_stays),
        cmocka_unit_test(what_a_token_never_does_is_refused),
        cmocka_unit_test(two_elements_share_a_token),
        cmocka_unit_test(after_a_fork_the_child_has_a_session_of_its_own),
        cmocka_unit_test(a_token_that_was_pulled_is_taken_up_again),
        cmocka_unit_test(a_pin_is_not_spent_on_a_token_near_its_end),
        cmocka_unit_test(what_a_token_lacks_is_named),
        cmocka_unit_test(return_values_have_an_error_and_words),
        cmocka_unit_test(names_from_a_token_cannot_steer_a_terminal),
        cmocka_unit_test(signatures_are_checked_on_the_host_if_need_be),
    };
    if (!token_setup()) {
        puts("skipped: SoftHSM2 is not installed");
        return 77;
    }
    int failed =
        cmocka_run_group_tests_name("pkcs11", tests, make_tokens, NULL);
    token_teardown();
    return failed;
}
