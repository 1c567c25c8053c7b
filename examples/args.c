/* The command line. */
#include "dim_terms.h"
#include "options.h"
#include "process.h"
#include "words.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

enum { LEFT = 24, RIGHT = 79 };  /* columns in which --help has its texts */

void ex_usage_error(const ex_program *program, const char *format, ...)
{
    va_list list;
    ex_report_clear();
    va_start(list, format);
    fprintf(stderr, "%s: ", program->name);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(2);
}

/* ---- --help */

/* The choices of a name, into text. */
static void list_choices(const ex_option *o, char *text, size_t room)
{
    const char *name;
    size_t at = 0;
    for (int i = 0; (name = o->choice(i)) != NULL && at < room; i++)
        at += (size_t)snprintf(text + at, room - at, "%s%s", i > 0 ? ", " : "", name);
}

/* What holds without the option, and which numbers are allowed: "(default 64, at least 2)". */
static void describe_default(const ex_program *p, const ex_option *o, char *text, size_t room)
{
    const char *field = (const char *)&p->defaults + o->offset;
    char value[64] = "", range[64] = "";
    text[0] = '\0';
    if (o->unset != NULL && o->kind != EX_TEXT && o->kind != EX_FILE) {
        snprintf(text, room, "(default: %s)", o->unset);
        return;
    }
    switch (o->kind) {
    case EX_TEXT:
    case EX_FILE:
        if (o->unset != NULL && strcmp(o->unset, "required") == 0)
            snprintf(text, room, "(%s)", o->unset);
        else if (o->offset == EX_FIELD(data))
            snprintf(text, room, "(default %s)", p->defaults.data);
        else
            snprintf(text, room, "(default%s %s)", o->unset != NULL ? ":" : "",
                     o->unset != NULL ? o->unset : o->offset == EX_FIELD(taps) ? p->taps : p->code);
        return;
    case EX_U32: snprintf(value, sizeof value, "%u", (unsigned)*(const uint32_t *)field); break;
    case EX_U64: snprintf(value, sizeof value, "%llu", (unsigned long long)*(const uint64_t *)field); break;
    case EX_REAL: snprintf(value, sizeof value, "%g", (double)*(const float *)field); break;
    case EX_NAME: snprintf(value, sizeof value, "%s", o->choice(*(const int *)field - o->first)); break;
    case EX_SWITCH:
    case EX_HEADING: return;
    }
    if (o->kind != EX_REAL && o->least > 0 && o->most > 0)
        snprintf(range, sizeof range, ", from %.0f to %.0f", o->least, o->most);
    else if (o->kind != EX_REAL && o->least > 0)
        snprintf(range, sizeof range, ", at least %.0f", o->least);
    else if (o->kind != EX_REAL && o->most > 0)
        snprintf(range, sizeof range, ", at most %.0f", o->most);
    if (o->offset == EX_FIELD(steps)) /* without it epochs count */
        snprintf(text, room, "(default: --epochs)");
    else
        snprintf(text, room, "(default %s%s)", value, range);
}

static void print_option(const char *left, const char *help, const char *choices, const char *rest)
{
    printf("  %s", left);
    int column = 2 + (int)strlen(left);
    if (column >= LEFT) {
        printf("\n");
        column = 0;
    }
    printf("%*s", LEFT - column, "");
    column = ex_print_words(help, LEFT, RIGHT, LEFT);
    if (*choices != '\0') {
        printf(":");
        column = ex_print_words(choices, LEFT, RIGHT, column + 1);
    }
    ex_print_words(rest, LEFT, RIGHT, column);
    putchar('\n');
}

static void print_options(const ex_program *p)
{
    for (const ex_option *o = NULL; (o = ex_option_next(p, o)) != NULL;) {
        char left[40], choices[256] = "", rest[192];
        if (o->kind == EX_HEADING) {
            printf("\n%s\n", o->help);
            continue;
        }
        snprintf(left, sizeof left, "%s%s%s", o->name, o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
        if (o->choice != NULL)
            list_choices(o, choices, sizeof choices);
        describe_default(p, o, rest, sizeof rest);
        const char *own = o->offset == EX_FIELD(data) ? p->data_help : p->units_help;
        print_option(left, o->help != NULL ? o->help : own, choices, rest);
    }
    printf("\nMore\n");
    print_option("--help", "print this text", "", "");
    if (p->evaluates)
        print_option("--man", "print it as a man page", "", "");
    print_option("--version", "print the version of libdim", "", "");
}

static void end_output(const ex_program *p)
{
    errno = EBADF; /* what a closed one has */
    bool told = ex_process_had(STDOUT_FILENO) && fflush(stdout) == 0 && !ferror(stdout);
    if (!told)
        fprintf(stderr, "%s: cannot write to standard output: %s\n", p->name, strerror(errno));
    exit(told ? 0 : 1);
}

/* What is said below the options: of programs that train, that have probes, that evaluate; NULL ends each. */
static const char *const *notes_of(const ex_program *p)
{
    static const char *const evaluating[] = {
        "Nothing is chosen by test images: what a probe chooses, it chooses on a part of the training images.",
        "Exit code: 0; 1 on failure; 2 on bad arguments or data.",
        NULL,
    };
    static const char *const training[] = {
        "The probes are kNN (cosine; k = 20, or a fifth of the labelled samples where that is less) and closed-form ridge "
        "regression, or those of --probes, on frozen features, measured on all test samples.",
        "Ctrl-C (or SIGTERM, SIGHUP) ends the run after the current step, and during the probes soon. With --out it saves "
        "the weights, and the checkpoint that --resume goes on from; until then further signals of these kinds are "
        "ignored, and only SIGQUIT (Ctrl-\\) or SIGKILL ends the program at once, without them. No learning rate here "
        "depends on --steps, so a run can always be made longer.",
        "Exit code: 0; 1 on failure; 2 on bad arguments or data; 128 + the number of the signal that ended the run (130 "
        "for Ctrl-C).",
        NULL,
    };
    return p->evaluates ? evaluating : p->objective ? training + 1 : training; /* the first one is of probes */
}

static const char *usage_of(const ex_program *p)
{
    return p->evaluates ? "--weights FILE --data KIND:DIR " : p->defaults.data == NULL ? "--data KIND:DIR " : "";
}

static void print_help(const ex_program *p)
{
    printf("Usage: %s %s[OPTION...]\n\n", p->name, usage_of(p));
    ex_print_words(p->summary, 0, RIGHT, 0);
    putchar('\n');
    print_options(p);
    for (const char *const *note = notes_of(p); *note != NULL; note++) {
        putchar('\n');
        ex_print_words(*note, 0, RIGHT, 0);
        putchar('\n');
    }
    printf("\nExample\n  %s %s\n", p->name, p->example);
    end_output(p);
}

/* ---- --man: the same */

static void print_entry(const char *name, const char *value, const char *help, const char *choices, const char *rest)
{
    printf(".TP\n\\fB");
    ex_print_roff(name);
    printf("\\fR");
    if (value != NULL) {
        printf(" \\fI");
        ex_print_roff(value);
        printf("\\fR");
    }
    putchar('\n');
    ex_print_roff(help);
    if (*choices != '\0')
        printf(": ");
    ex_print_roff(choices);
    putchar(' ');
    ex_print_roff(rest);
    putchar('\n');
}

static void print_man(const ex_program *p)
{
    printf(".TH ");
    for (const char *c = p->name; *c != '\0'; c++)
        printf("%s%c", *c == '-' ? "\\" : "", *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    printf(" 1 \"\" \"libdim %s\" \"User Commands\"\n.SH NAME\n", dim_version());
    ex_print_roff(p->name);
    printf(" \\- evaluation of what an encoder has learnt\n.SH SYNOPSIS\n");
    ex_print_roff(p->name);
    putchar(' ');
    ex_print_roff(usage_of(p));
    printf("[OPTION...]\n.SH DESCRIPTION\n");
    ex_print_roff(p->summary);
    printf("\n.SH OPTIONS\n");
    for (const ex_option *o = NULL; (o = ex_option_next(p, o)) != NULL;) {
        char choices[256] = "", rest[192];
        if (o->kind == EX_HEADING) {
            printf(".SS %s\n", o->help);
            continue;
        }
        if (o->choice != NULL)
            list_choices(o, choices, sizeof choices);
        describe_default(p, o, rest, sizeof rest);
        print_entry(o->name, o->value, o->help, choices, rest);
    }
    printf(".SS More\n");
    print_entry("--help", NULL, "print these texts", "", "");
    print_entry("--man", NULL, "print this page", "", "");
    print_entry("--version", NULL, "print the version of libdim", "", "");
    printf(".SH NOTES\n");
    for (const char *const *note = notes_of(p); *note != NULL; note++) {
        ex_print_roff(*note);
        printf("\n.PP\n");
    }
    printf(".SH EXAMPLE\n");
    ex_print_roff(p->name);
    putchar(' ');
    ex_print_roff(p->example);
    putchar('\n');
    end_output(p);
}

/* ---- values */

static double number(const ex_program *p, const ex_option *o, const char *text)
{
    char *end;
    double value = strtod(text, &end), most = o->most > 0 ? o->most : (double)FLT_MAX;
    if (end == text || *end != '\0' || isnan(value))
        ex_usage_error(p, "%s: '%s' is not a number", o->name, text);
    if (value < o->least)
        ex_usage_error(p, "%s: %s is too small; it must be %g at least", o->name, text, o->least);
    if (value > most)
        ex_usage_error(p, "%s: %s is too large; it must be %g at most", o->name, text, most);
    return value;
}

static uint64_t whole_number(const ex_program *p, const ex_option *o, const char *text, uint64_t most)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (o->most > 0)
        most = (uint64_t)o->most;
    if (text[0] == '-' && text[1] >= '0' && text[1] <= '9' && text[1 + strspn(text + 1, "0123456789")] == '\0')
        ex_usage_error(p, "%s: %s is too small; it must be %.0f or more", o->name, text, o->least);
    if (text[0] < '0' || text[0] > '9' || *end != '\0')
        ex_usage_error(p, "%s: '%s' is not a whole number", o->name, text);
    if (errno != 0 || value > most)
        ex_usage_error(p, "%s: %s is too large; it must be %llu at most", o->name, text, (unsigned long long)most);
    if ((double)value < o->least)
        ex_usage_error(p, "%s: %s is too small; it must be %.0f at least", o->name, text, o->least);
    return value;
}

static int choose(const ex_program *p, const ex_option *o, const char *text)
{
    const char *name;
    char choices[256];
    for (int i = 0; (name = o->choice(i)) != NULL; i++)
        if (strcmp(name, text) == 0)
            return i + o->first;
    list_choices(o, choices, sizeof choices);
    ex_usage_error(p, "%s: there is no '%s'; choose one of %s", o->name, text, choices);
}

static void set(const ex_program *p, const ex_option *o, const char *text, ex_options *to)
{
    void *field = (char *)to + o->offset;
    switch (o->kind) {
    case EX_FILE:
        if (*text == '\0')
            ex_usage_error(p, "%s: the name is empty", o->name);
        /* fallthrough */
    case EX_TEXT: *(const char **)field = text; break;
    case EX_SWITCH: *(bool *)field = true; break;
    case EX_U32: *(uint32_t *)field = (uint32_t)whole_number(p, o, text, UINT32_MAX); break;
    case EX_U64: *(uint64_t *)field = whole_number(p, o, text, UINT64_MAX); break;
    case EX_REAL: *(float *)field = (float)number(p, o, text); break;
    case EX_NAME: *(int *)field = choose(p, o, text); break;
    case EX_HEADING: break;
    }
}

/* ---- the line */

static const ex_option *find(const ex_program *p, const char *text, size_t length)
{
    for (const ex_option *o = NULL; (o = ex_option_next(p, o)) != NULL;)
        if (o->kind != EX_HEADING && strlen(o->name) == length && strncmp(o->name, text, length) == 0)
            return o;
    return NULL;
}

/* What no option can see alone. */
static void check(const ex_program *p, const ex_options *o)
{
    static const struct {
        size_t offset;
        const char *name;
    } need_out[] = { { EX_FIELD(resume), "--resume" }, { EX_FIELD(overwrite), "--overwrite" } };
    if (o->data == NULL)
        ex_usage_error(p, "--data is missing, such as --data cifar10:DIR; see --help");
    if (p->evaluates && o->weights == NULL)
        ex_usage_error(p, "--weights is missing, such as --weights out/weights.safetensors; see --help");
    for (size_t i = 0; i < sizeof need_out / sizeof *need_out; i++)
        if (o->out == NULL && *(const bool *)((const char *)o + need_out[i].offset))
            ex_usage_error(p, "%s needs --out", need_out[i].name);
    if (o->out == NULL && o->checkpoint_every > 0)
        ex_usage_error(p, "--checkpoint-every needs --out");
    if (o->embed == NULL && o->embed_tap != NULL)
        ex_usage_error(p, "--embed-tap needs --embed");
    if (o->embed == NULL && o->embed_split != EX_EMBED_AUTO)
        ex_usage_error(p, "--embed-split needs --embed");
    if (o->init != NULL && o->resume)
        ex_usage_error(p, "--init and --resume exclude each other: a checkpoint has all weights");
    if (o->finetune && o->classify_weight > 0)
        ex_usage_error(p, "--finetune and --classify-weight exclude each other: fine-tuning learns from labels alone");
    if (o->labels > 0 && o->unlabelled)
        ex_usage_error(p, "--labels and --unlabelled exclude each other");
    if (o->with_unlabelled && (o->unlabelled || o->labels > 0 || o->finetune))
        ex_usage_error(p, "--with-unlabelled excludes --unlabelled, --labels and --finetune: all images of both files are trained on");
    if (o->unlabelled && (o->finetune || o->classify_weight > 0))
        ex_usage_error(p, "--finetune and --classify-weight need labels: they do not go with --unlabelled");
    if (o->classify_tap != NULL && !o->finetune && o->classify_weight == 0)
        ex_usage_error(p, "--classify-tap needs --classify-weight or --finetune");
    if (!(o->lr > 0) && !p->evaluates)
        ex_usage_error(p, "--lr: it must be above 0");
    if (!(o->beta1 < 1))
        ex_usage_error(p, "--beta1: it must be below 1");
    if (o->probe_train > 0 && o->probe_train < EX_LEAST_PROBED)
        ex_usage_error(p, "--probe-train: %u is too few for probes; it must be 0 or at least %d",
                       (unsigned)o->probe_train, EX_LEAST_PROBED);
    if (p->dim)
        ex_dim_check(p, o);
    if (o->table && o->probe_train == 0)
        ex_usage_error(p, "--table needs probes: it does not go with --probe-train 0");
}

/* Puts in what the line gives; an option that a preset sets, too, is the line's. */
static void read_line(const ex_program *program, int argc, char **argv, ex_options *o, bool *steps, bool *epochs)
{
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i], *equals = strchr(text, '=');
        if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)
            print_help(program);
        if (strcmp(text, "--man") == 0 && program->evaluates)
            print_man(program);
        if (strcmp(text, "--version") == 0) {
            printf("%s of libdim %s\n", program->name, dim_version());
            end_output(program);
        }
        const ex_option *option = find(program, text, equals != NULL ? (size_t)(equals - text) : strlen(text));
        if (option == NULL)
            ex_usage_error(program, "there is no option '%s'; see --help", text);
        if (option->kind == EX_SWITCH && equals != NULL)
            ex_usage_error(program, "%s takes no value", option->name);
        if (option->kind != EX_SWITCH && equals == NULL && (++i == argc || strncmp(argv[i], "--", 2) == 0))
            ex_usage_error(program, "%s needs a value, %s; see --help", option->name, option->value);
        *steps |= option->offset == EX_FIELD(steps);
        *epochs |= option->offset == EX_FIELD(epochs);
        set(program, option, equals != NULL ? equals + 1 : argv[i], o);
    }
}

void ex_parse(const ex_program *program, int argc, char **argv, ex_options *o)
{
    bool steps = false, epochs = false;
    *o = program->defaults;
    read_line(program, argc, argv, o, &steps, &epochs);
    if (program->preset != NULL) {
        program->preset(o);
        read_line(program, argc, argv, o, &steps, &epochs);
    }
    if (steps && epochs)
        ex_usage_error(program, "--steps and --epochs exclude each other");
    check(program, o);
    if (o->prior_weight == 0)
        o->prior = EX_PRIOR_NONE; /* the library takes a weight of 0 for its default, 1 */
    if (steps)
        o->epochs = 0;
    if (program->check != NULL)
        program->check(o);
}
