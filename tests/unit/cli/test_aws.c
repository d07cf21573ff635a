/* SPDX-License-Identifier: MIT */
/* `cleat aws provision`: the ownership token is a secret, and what cJSON gives
 * back to the heap is looked through for it. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "aws.h"

#define TOKEN "a-token-that-nobody-else-may-have"
#define HEAD 16u /* keeps the size of a block, and its alignment */

static unsigned freed, found;

static void *take(size_t size) {
    uint8_t *block = calloc(1, HEAD + size);
    assert_non_null(block);
    memcpy(block, &size, sizeof size);
    return block + HEAD;
}

static void give_back(void *memory) {
    size_t size;
    if (memory == NULL) {
        return;
    }
    uint8_t *bytes = memory;
    memcpy(&size, bytes - HEAD, sizeof size);
    const size_t len = sizeof TOKEN - 1;
    for (size_t i = 0; i + len <= size; i++) {
        found += memcmp(bytes + i, TOKEN, len) == 0;
    }
    freed++;
    free(bytes - HEAD);
}

static int look_at_the_heap(void **state) {
    cJSON_Hooks hooks = {take, give_back};
    cJSON_InitHooks(&hooks);
    freed = found = 0;
    (void)state;
    return 0;
}

static int look_away(void **state) {
    cJSON_InitHooks(NULL);
    (void)state;
    return 0;
}

static void the_heap_is_looked_through(void **state) {
    (void)state;
    cJSON_Delete(cJSON_CreateString(TOKEN));
    assert_int_equal(found, 1);
}

static void a_question_leaves_no_copy_of_the_token(void **state) {
    char filling[3000]; /* more than a buffer of cJSON's begins with */
    (void)state;
    memset(filling, 'f', sizeof filling - 1);
    filling[sizeof filling - 1] = '\0';
    cJSON *question = cJSON_CreateObject();
    cJSON_AddStringToObject(question, "certificateOwnershipToken", TOKEN);
    cJSON *o = cJSON_AddObjectToObject(question, "parameters");
    cJSON_AddStringToObject(o, "SerialNumber", filling);
    char *text = cli_aws_question(question);
    assert_non_null(text);
    assert_non_null(strstr(text, ":\"" TOKEN "\""));
    assert_non_null(strstr(text, filling));
    assert_true(freed > 0);
    assert_int_equal(found, 0);
    OPENSSL_cleanse(text, strlen(text));
    cJSON_free(text);
    assert_int_equal(found, 0);
}

static void an_answer_leaves_no_copy_of_the_token(void **state) {
    const uint8_t point[65] = {4};
    struct cli_aws_issued issued;
    (void)state;
    assert_non_null(cli_aws_take_issued(
        cleat_bytes_str("{\"certificatePem\":\"none\","
                        "\"certificateOwnershipToken\":\"" TOKEN "\"}"),
        cleat_bytes_of(point, sizeof point), &issued));
    assert_true(freed > 0);
    assert_int_equal(found, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_heap_is_looked_through,
                                        look_at_the_heap, look_away),
        cmocka_unit_test_setup_teardown(a_question_leaves_no_copy_of_the_token,
                                        look_at_the_heap, look_away),
        cmocka_unit_test_setup_teardown(an_answer_leaves_no_copy_of_the_token,
                                        look_at_the_heap, look_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
