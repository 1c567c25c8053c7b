/* The JSON reader of io/, and UTF-8 and escapes of base/. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "io/json.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Reads all of a text from memory of exactly its size, so that a sanitizer sees a byte too many.  false: it is not JSON. */
static bool is_json(const char *text, size_t size)
{
    dim__json j;
    dim__json_token token;
    char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    dim__json_begin(&j, copy, size);
    do {
        token = dim__json_next(&j);
        assert_true(j.at <= size && j.begin <= size && j.begin + j.length <= size);
    } while (token > DIM__JSON_END);
    assert_true((token == DIM__JSON_BAD) == (j.wrong != NULL));
    assert_int_equal(dim__json_next(&j), token); /* for ever */
    while (token == DIM__JSON_END && j.at < size && memchr(" \t\r\n", copy[j.at], 4) != NULL)
        j.at++;
    bool whole = token == DIM__JSON_END && j.at == size;
    free(copy);
    return whole;
}

typedef struct text {
    const char *data;
    size_t size;
} text;
#define T(s) { s, sizeof s - 1 }

static void test_valid(void **state)
{
    static const text cases[] = {
        T("{}"), T("[]"), T(" [ ] "), T("\t\r\n{\n}\n"), T("\"\""), T("true"), T("false"), T("null"), T("[true,false,null]"),
        T("0"), T("-0"), T("-1"), T("48"), T("4.0"), T("4.8e1"), T("1E+2"), T("1e-2"), T("0.5e0"), T("1e999"),
        T("123456789012345678901234567890"), T("[1,2 , 3]"), T("{\"a\":1}"), T("{ \"a\" : [ { } , { \"b\" : [ ] } ] }"),
        T("{\"a\":1,\"a\":2}"), T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), T("\"\\u0041\\u00e9\\u20AC\""), T("\"\\u0000\""),
        T("\"\\ud83d\\uDE00\""), T("\"\x7f\""), T("\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""), T("\"\xf4\x8f\xbf\xbf\""),
        T("\"\xed\x9f\xbf\xee\x80\x80\""), T("\"// /* */ #\""),
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (!is_json(cases[i].data, cases[i].size))
            fail_msg("refused: %s", cases[i].data);
}

static void test_invalid(void **state)
{
    static const text cases[] = {
        T(""), T(" "), T("{"), T("}"), T("["), T("]"), T("[}"), T("{]"), T("[1}"), T("{\"a\":1]"), T("{} {}"), T("[]]"),
        T("[,]"), T("[1,]"), T("[1 2]"), T("[,1]"), T("{,}"), T("{\"a\":1,}"), T("{\"a\"}"), T("{\"a\":}"), T("{\"a\" 1}"),
        T("{a:1}"), T("{'a':1}"), T("{1:1}"), T("{\"a\":1 \"b\":2}"), T("{\"a\":1;\"b\":2}"), T("['a']"),
        T("[1] // c"), T("/* c */[1]"), T("[1,/**/2]"), T("# c\n[1]"), T("\xef\xbb\xbf{}"), T("\xff\xfe{"), T("{}\0"), T("\0{}"),
        T("[1,\0 2]"), T("[\v1]"), T("[\f1]"), T("[\xc2\xa0""1]"),
        T("048"), T("00"), T("-"), T("-048"), T("+1"), T("[+1]"), T("1."), T(".5"), T("[.5]"), T("1.e1"), T("1e"), T("1e+"), T("0x10"),
        T("1_000"), T("NaN"), T("Infinity"), T("-Infinity"), T("nan"), T("[1e5.5]"), T("[--1]"),
        T("True"), T("tru"), T("truex"), T("nulll"), T("[nul]"), T("undefined"),
        T("\""), T("\"a"), T("\"\\\""), T("\"\\"), T("\"\\a\""), T("\"\\x41\""), T("\"\\'\""), T("\"\\\0\""), T("\"\\U0041\""),
        T("\"\\u\""), T("\"\\u12\""), T("\"\\u123\""), T("\"\\uZZZZ\""), T("\"\\u00g0\""), T("\"\\u 041\""), T("\"\\u-041\""),
        T("\"\\u004"),
        T("\"\\ud800\""), T("\"\\udc00\""), T("\"\\ud800x\""), T("\"\\ud800\\n\""), T("\"\\ud800\\u0041\""), T("\"\\ud800\\ud800\""),
        T("\"\\udc00\\ud800\""), T("\"\\ud83d\\uDE0"), T("\"\\ud83d\\"),
        T("\"\n\""), T("\"\t\""), T("\"\0\""), T("\"\x1f\""), T("\"a\0b\""), T("{\"a\0\":1}"),
        T("\"\x80\""), T("\"\xbf\""), T("\"\xc3\""), T("\"\xc3\x28\""), T("\"\xe9\""), T("\"\xe2\x82\""), T("\"\xe2\x28\xa1\""),
        T("\"\xf0\x9f\x98\""), T("\"\xf0\x28\x8c\xbc\""), T("\"\xc0\x80\""), T("\"\xc1\xbf\""), T("\"\xe0\x80\xaf\""),
        T("\"\xe0\x9f\xbf\""),
        T("\"\xf0\x80\x80\xaf\""), T("\"\xed\xa0\x80\""), T("\"\xed\xbf\xbf\""), T("\"\xf4\x90\x80\x80\""), T("\"\xf5\x80\x80\x80\""),
        T("\"\xf8\x88\x80\x80\x80\""), T("\"\xfe\""), T("\"\xff\""), T("\"\xf0\x9f\x98"), T("\"\xc3"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (is_json(cases[i].data, cases[i].size))
            fail_msg("case %zu accepted: %s", i, cases[i].data);
}

/* Every beginning of a text that is not a number alone is no JSON. */
static void test_cut(void **state)
{
    static const char all[] = "{\"a\\u00e9\\ud83d\\ude00\xf0\x9f\x98\x80\":[-1.5e+7,{\"b\":true},\"\\n\",null],\"c\":{}}";
    (void)state;
    for (size_t n = 0; n < sizeof all - 1; n++)
        assert_false(is_json(all, n));
    assert_true(is_json(all, sizeof all - 1));
}

static void test_depth(void **state)
{
    char deep[300];
    (void)state;
    for (size_t n = 126; n <= 140; n++) {
        memset(deep, '[', n);
        memset(deep + n, ']', n);
        assert_int_equal(is_json(deep, 2 * n), n <= DIM__JSON_DEPTH);
    }
    static char endless[1 << 20];
    memset(endless, '[', sizeof endless);
    assert_false(is_json(endless, sizeof endless));
}

static dim__json at_string(const char *json, size_t size)
{
    dim__json j;
    dim__json_begin(&j, json, size);
    assert_int_equal(dim__json_next(&j), DIM__JSON_STRING);
    return j;
}

static void test_strings(void **state)
{
    static const struct {
        text json;
        const char *is;
    } cases[] = {
        { T("\"\""), "" },
        { T("\"dtype\""), "dtype" },
        { T("\"d\\u0074ype\""), "dtype" },
        { T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\\/\b\f\n\r\t" },
        { T("\"\\u0041\\u00e9\\u07ff\\u0800\\u20AC\\uffff\""), "A\xc3\xa9\xdf\xbf\xe0\xa0\x80\xe2\x82\xac\xef\xbf\xbf" },
        { T("\"\\ud83d\\ude00\\ud800\\udc00\\udbff\\udfff\""), "\xf0\x9f\x98\x80\xf0\x90\x80\x80\xf4\x8f\xbf\xbf" },
        { T("\"\xf0\x9f\x98\x80\""), "\xf0\x9f\x98\x80" },
        { T("\"a\\u0000b\""), "a\xc0\x80" "b" },
    };
    char buffer[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dim__json j = at_string(cases[i].json.data, cases[i].json.size);
        assert_true(dim__json_is(&j, cases[i].is));
        snprintf(buffer, sizeof buffer, "%sx", cases[i].is);
        assert_false(dim__json_is(&j, buffer));
        dim__json_decode(&j, buffer);
        assert_string_equal(buffer, cases[i].is);
        memcpy(buffer, cases[i].json.data, cases[i].json.size); /* in its place */
        j = at_string(buffer, cases[i].json.size);
        dim__json_decode(&j, buffer + j.begin);
        assert_string_equal(buffer + 1, cases[i].is);
    }
    dim__json j = at_string("\"dtype\\u0000\"", 13);
    assert_false(dim__json_is(&j, "dtype"));
    j = at_string("\"dtyp\"", 6);
    assert_false(dim__json_is(&j, "dtype"));
}

static void test_sizes(void **state)
{
    static const struct {
        const char *json;
        int64_t is; /* -1 = not a size */
    } cases[] = {
        { "0", 0 }, { "48", 48 }, { "9223372036854775807", INT64_MAX }, { "9223372036854775808", -1 },
        { "18446744073709551616", -1 }, { "99999999999999999999999999", -1 }, { "-0", -1 }, { "-1", -1 }, { "4.0", -1 },
        { "4.8e1", -1 }, { "4e0", -1 }, { "1e999", -1 }, { "9007199254740993", 9007199254740993 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dim__json j;
        int64_t n = -1;
        dim__json_begin(&j, cases[i].json, strlen(cases[i].json));
        assert_int_equal(dim__json_next(&j), DIM__JSON_NUMBER);
        assert_int_equal(dim__json_whole(&j, &n), cases[i].is >= 0);
        assert_true(n == cases[i].is);
    }
}

static void test_skip(void **state)
{
    static const char all[] = "[{\"a\":[1,{}]},\"b\",[[]],7]";
    dim__json j;
    int values = 0;
    (void)state;
    dim__json_begin(&j, all, sizeof all - 1);
    assert_int_equal(dim__json_next(&j), DIM__JSON_ARRAY);
    for (dim__json_token t; (t = dim__json_next(&j)) != DIM__JSON_CLOSE; values++)
        assert_true(dim__json_skip(&j, t));
    assert_int_equal(values, 4);
    assert_int_equal(dim__json_next(&j), DIM__JSON_END);
    dim__json_begin(&j, "[[1,x]]", 7);
    assert_false(dim__json_skip(&j, dim__json_next(&j)));
    assert_int_equal(j.at, 4);
    assert_string_equal(j.wrong, "a value is missing");
}

static void test_escape(void **state)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        { "plain \xc3\xa9 \xf0\x9f\x98\x80 \\", "plain \xc3\xa9 \xf0\x9f\x98\x80 \\" },
        { "a\x1b[31mb\n\t\x7f", "a\\x1b[31mb\\x0a\\x09\\x7f" },
        { "\xc2\x9b" "31m\xc2\xa0", "\\xc2\\x9b31m\xc2\xa0" }, /* a terminal takes U+009B for ESC [ */
        { "\xff\xc3(\xc0\x80\xe2\x82", "\\xff\\xc3(\\xc0\\x80\\xe2\\x82" },
        { "", "" },
    };
    char buffer[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        strcpy(buffer, cases[i].text);
        dim__escape(buffer, sizeof buffer);
        assert_string_equal(buffer, cases[i].shown);
        dim__escape(buffer, sizeof buffer); /* what was escaped stays as it is */
        assert_string_equal(buffer, cases[i].shown);
    }
    for (size_t room = 1; room < 20; room++) { /* never more than there is room for */
        char *exact = malloc(room);
        assert_non_null(exact);
        memset(exact, '\n', room);
        exact[room - 1] = '\0';
        dim__escape(exact, room);
        assert_int_equal(strlen(exact), (room - 1) / 4 * 4);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid), cmocka_unit_test(test_invalid), cmocka_unit_test(test_cut),   cmocka_unit_test(test_depth),
        cmocka_unit_test(test_strings), cmocka_unit_test(test_sizes), cmocka_unit_test(test_skip), cmocka_unit_test(test_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
