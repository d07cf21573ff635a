/* SPDX-License-Identifier: MIT */
/* Outputs of the GPIO character device, on a kernel that is played: how text
 * names them, what is asked of the kernel, and what each refusal becomes. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
/* clang-format on */
#include <errno.h>
#include <string.h>

#include "cleat/linux_gpio.h"
#include "tests/support/kernel.h"

static struct kernel_line lines[4];
static struct kernel_line others[2];
static struct kernel_line single[1];
static struct kernel_chip chips[7];
static struct cleat_linux_gpio g;

/* Four lines on the first chip, two on the second; the fourth path is a link
 * to the first, as on some boards. */
static int set_up(void **state) {
    (void)state;
    const struct kernel_line a[] = {{.name = "A"},
                                    {.name = "RST"},
                                    {.name = "TWIN"},
                                    {.name = NULL, .consumer = "spi0 CS0"}};
    const struct kernel_line b[] = {{.name = "TWIN"},
                                    {.name = "IN", .input_only = true}};
    const struct kernel_chip c[] = {
        {"/dev/gpiochip0", "gpiochip0", "pinctrl", lines, 4, 0, false},
        {"/dev/gpiochip1", "gpiochip1", "expander", others, 2, 0, false},
        {"/dev/gpiochip2", "gpiochip2", "shut", single, 1, EACCES, false},
        {"/dev/gpiochip4", "gpiochip0", "pinctrl", lines, 4, 0, false},
        {"/dev/gpiochip5", "gpiochip5", "old", single, 1, 0, true},
        {"/dev/gpiochip6", "gpiochip6", NULL, single, 1, 0, false}};
    memcpy(lines, a, sizeof lines);
    memcpy(others, b, sizeof others);
    memset(chips, 0, sizeof chips);
    memcpy(chips, c, sizeof c);
    kernel_chips = chips;
    kernel_interrupts = 0;
    memset(&g, 0, sizeof g);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    cleat_linux_gpio_close(&g);
    assert_int_equal(kernel_open_count(), 0);
    return 0;
}

static void found(const char *text, const char *chip, uint32_t offset,
                  bool active_low) {
    int err = cleat_linux_gpio_find(&g, text, false);
    if (err != CLEAT_OK) {
        fail_msg("%s: %d %s", text, err, g.why);
    }
    assert_string_equal(g.chip, chip);
    assert_int_equal(g.offset, offset);
    assert_int_equal(g.active_low, active_low);
    cleat_linux_gpio_close(&g);
    assert_int_equal(kernel_open_count(), 0);
}

static void not_found(const char *text, int want, const char *words) {
    int err = cleat_linux_gpio_find(&g, text, false);
    if (err != want || strstr(g.why, words) == NULL) {
        fail_msg("%s: %d (not %d), \"%s\"", text, err, want, g.why);
    }
    assert_int_equal(kernel_open_count(), 0);
    assert_int_equal(cleat_linux_gpio_drive(&g, "x", true), CLEAT_ERR_STATE);
}

static void a_line_is_found_by_path_device_label_and_name(void **state) {
    (void)state;
    found("/dev/gpiochip0:1", "gpiochip0", 1, false);
    found("gpiochip0:0", "gpiochip0", 0, false);
    found("gpiochip4:1", "gpiochip0", 1, false);
    found("pinctrl:3", "gpiochip0", 3, false);
    found("expander:IN", "gpiochip1", 1, false);
    found("gpiochip1:TWIN", "gpiochip1", 0, false);
    found("RST", "gpiochip0", 1, false);
    found("RST:active-low", "gpiochip0", 1, true);
    found("/dev/gpiochip0:1:active-high", "gpiochip0", 1, false);
    assert_int_equal(cleat_linux_gpio_find(&g, "A", true), 0);
    assert_true(g.active_low);
    assert_string_equal(g.name, "A");
    cleat_linux_gpio_close(&g);
    assert_int_equal(cleat_linux_gpio_find(&g, "A:active-high", true), 0);
    assert_false(g.active_low);
}

static void what_is_no_line_is_said_in_words(void **state) {
    (void)state;
    char longest[700];
    not_found("", CLEAT_ERR_ARG, "is not CHIP:OFFSET");
    not_found("17", CLEAT_ERR_ARG, "is not CHIP:OFFSET");
    not_found(":17", CLEAT_ERR_ARG, "is not CHIP:OFFSET");
    not_found("gpiochip0:", CLEAT_ERR_ARG, "is not CHIP:OFFSET");
    not_found(":active-low", CLEAT_ERR_ARG, "is not CHIP:OFFSET");
    not_found("gpiochip0:65536", CLEAT_ERR_ARG, "is not CHIP:OFFSET");
    not_found("gpiochip0:4294967297", CLEAT_ERR_ARG, "is not CHIP:OFFSET");
    for (size_t n = 20; n < sizeof longest; n++) {
        memset(longest, 'x', n);
        longest[n] = '\0';
        not_found(longest,
                  n < CLEAT_LINUX_GPIO_NAME ? CLEAT_ERR_DENIED : CLEAT_ERR_ARG,
                  "xxx");
        memcpy(longest + n - 2, ":1", 2);
        (void)cleat_linux_gpio_find(&g, longest, false);
    }
    not_found("gpiochip0:4", CLEAT_ERR_NOT_FOUND,
              "gpiochip0 (pinctrl) has no line 4: it has 4, counted from 0");
    not_found("gpiochip0:IN", CLEAT_ERR_NOT_FOUND, "no line named IN");
    not_found("/dev/gpiochip9:1", CLEAT_ERR_NOT_FOUND,
              "there is no GPIO chip /dev/gpiochip9");
    not_found("TWIN", CLEAT_ERR_ARG, "2 lines are named TWIN");
    not_found("gpiochip2:0", CLEAT_ERR_DENIED, "no permission");
    not_found("NOWHERE", CLEAT_ERR_DENIED, "that may be opened");
    not_found("gpiochip6:0", CLEAT_ERR_ARG, "is no GPIO chip");
    not_found("gpiochip5:0", CLEAT_ERR_UNSUPPORTED, "Linux 5.10");
    chips[2].open_error = ENOENT;
    not_found("NOWHERE", CLEAT_ERR_NOT_FOUND, "no GPIO chip has a line");
    not_found("nochip:3", CLEAT_ERR_NOT_FOUND, "there is no GPIO chip nochip");
    chips[1].label = "pinctrl";
    not_found("pinctrl:0", CLEAT_ERR_ARG, "2 GPIO chips are named pinctrl");
}

static void an_output_has_its_level_from_the_first_moment(void **state) {
    (void)state;
    assert_int_equal(cleat_linux_gpio_find(&g, "RST", true), 0);
    assert_int_equal(cleat_linux_gpio_drive(&g, "test reset", false), 0);
    assert_int_equal(kernel_request.num_lines, 1);
    assert_int_equal(kernel_request.offsets[0], 1);
    assert_true(kernel_request.config.flags ==
                (GPIO_V2_LINE_FLAG_OUTPUT | GPIO_V2_LINE_FLAG_ACTIVE_LOW));
    assert_string_equal(kernel_request.consumer, "test reset");
    assert_string_equal(lines[1].consumer, "test reset");
    assert_true(lines[1].high);
    assert_int_equal(kernel_open_count(), 1);
    assert_int_equal(cleat_linux_gpio_set(&g, true), 0);
    assert_false(lines[1].high);
    assert_int_equal(cleat_linux_gpio_set(&g, false), 0);
    assert_true(lines[1].high);
    cleat_linux_gpio_close(&g);
    cleat_linux_gpio_close(&g); /* Harmless. */
    assert_null(lines[1].consumer);
    assert_int_equal(cleat_linux_gpio_set(&g, true), CLEAT_ERR_STATE);
}

static void an_active_high_output_is_driven_as_it_is(void **state) {
    (void)state;
    assert_int_equal(cleat_linux_gpio_find(&g, "gpiochip0:0", false), 0);
    assert_int_equal(
        cleat_linux_gpio_drive(&g, "a label that is longer than the kernel has",
                               true),
        0);
    assert_int_equal(strlen(lines[0].consumer), GPIO_MAX_NAME_SIZE - 1);
    assert_true(lines[0].high);
    assert_int_equal(cleat_linux_gpio_set(&g, false), 0);
    assert_false(lines[0].high);
    kernel_set_error = EIO;
    assert_int_equal(cleat_linux_gpio_set(&g, true), CLEAT_ERR_IO);
    assert_non_null(strstr(g.why, "line 0 of gpiochip0"));
}

static void drive_refused(const char *text, int error, int want,
                          const char *words) {
    assert_int_equal(cleat_linux_gpio_find(&g, text, false), 0);
    kernel_line_error = error;
    int err = cleat_linux_gpio_drive(&g, "test", true);
    if (err != want || strstr(g.why, words) == NULL) {
        fail_msg("%s, errno %d: %d (not %d), \"%s\"", text, error, err, want,
                 g.why);
    }
    assert_int_equal(kernel_open_count(), 0);
}

static void who_has_a_line_is_told(void **state) {
    (void)state;
    struct cleat_linux_gpio second;
    drive_refused("gpiochip0:3", 0, CLEAT_ERR_FULL,
                  "line 3 of gpiochip0 is in use by \"spi0 CS0\"");
    lines[0].consumer = "";
    drive_refused("A", 0, CLEAT_ERR_FULL, "is in use by another");
    assert_int_equal(cleat_linux_gpio_find(&g, "RST", false), 0);
    assert_int_equal(cleat_linux_gpio_drive(&g, "the first", true), 0);
    assert_int_equal(cleat_linux_gpio_find(&second, "RST", false), 0);
    assert_true(cleat_linux_gpio_same(&g, &second));
    assert_int_equal(cleat_linux_gpio_drive(&second, "x", true),
                     CLEAT_ERR_FULL);
    assert_non_null(strstr(second.why, "\"the first\""));
}

static void refusals_of_the_kernel_get_their_words(void **state) {
    (void)state;
    drive_refused("IN", 0, CLEAT_ERR_UNSUPPORTED, "cannot be an output");
    drive_refused("A", EOPNOTSUPP, CLEAT_ERR_UNSUPPORTED, "an output");
    drive_refused("A", 524, CLEAT_ERR_UNSUPPORTED, "cannot be an output");
    drive_refused("A", EPERM, CLEAT_ERR_DENIED, "may not be taken");
    drive_refused("A", ENODEV, CLEAT_ERR_NOT_FOUND, "has gone");
    drive_refused("A", ENOMEM, CLEAT_ERR_IO, "line 0 of gpiochip0: ");
}

static void two_names_of_one_line_are_the_same(void **state) {
    (void)state;
    struct cleat_linux_gpio b;
    static const struct {
        const char *name;
        bool same;
    } cases[] = {{"RST", true},
                 {"/dev/gpiochip0:1", true},
                 {"gpiochip4:RST", true},
                 {"gpiochip0:0", false},
                 {"gpiochip1:1", false}};
    assert_int_equal(cleat_linux_gpio_find(&g, "pinctrl:1", false), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(cleat_linux_gpio_find(&b, cases[i].name, false), 0);
        assert_int_equal(cleat_linux_gpio_same(&g, &b), cases[i].same);
        cleat_linux_gpio_close(&b);
    }
    assert_false(cleat_linux_gpio_same(&g, &b)); /* It is closed. */
}

static void signals_do_not_disturb(void **state) {
    (void)state;
    kernel_interrupts = 3;
    assert_int_equal(cleat_linux_gpio_find(&g, "RST", true), 0);
    kernel_interrupts = 2;
    assert_int_equal(cleat_linux_gpio_drive(&g, "test", true), 0);
    kernel_interrupts = 2;
    assert_int_equal(cleat_linux_gpio_set(&g, false), 0);
    assert_true(lines[1].high);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(a_line_is_found_by_path_device_label_and_name),
        CASE(what_is_no_line_is_said_in_words),
        CASE(an_output_has_its_level_from_the_first_moment),
        CASE(an_active_high_output_is_driven_as_it_is),
        CASE(who_has_a_line_is_told),
        CASE(refusals_of_the_kernel_get_their_words),
        CASE(two_names_of_one_line_are_the_same),
        CASE(signals_do_not_disturb),
    };
    return cmocka_run_group_tests_name("gpio", tests, NULL, NULL);
}
