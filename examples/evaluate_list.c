/* Which evaluations there are, and which of them are made. */
#define DIM_EXPERIMENTAL
#include "evaluate.h"

#include <dim/evaluation.h>

#define X(...) { __VA_ARGS__ },
static const ev_evaluation list[] = {
#include "evaluate_list.def"
};
#undef X
enum { N_LIST = sizeof list / sizeof *list };

/* Whether a list with commas between has the name. */
static bool has_name(const char *names, const char *name)
{
    size_t length = strlen(name);
    for (; names != NULL; names = strchr(names, ','), names = names != NULL ? names + 1 : NULL)
        if (strncmp(names, name, length) == 0 && (names[length] == '\0' || names[length] == ','))
            return true;
    return false;
}

void ev_check_only(const ev_run *run)
{
    for (const char *at = run->ex.o.only; at != NULL; at = strchr(at, ','), at = at != NULL ? at + 1 : NULL) {
        size_t length = strcspn(at, ",");
        int k = 0;
        while (k < N_LIST && (strlen(list[k].name) != length || strncmp(list[k].name, at, length) != 0))
            k++;
        if (k == N_LIST)
            ex_usage_error(run->ex.program, "--only: '%.*s' is not an evaluation; see --help", (int)length, at);
        if ((list[k].needs & EV_LABELS) != 0 && run->ex.probed.data == NULL)
            ex_usage_error(run->ex.program, "--only: %s needs labels, which --probe-train 0 leaves out", list[k].name);
    }
}

void ev_found(ev_run *run, const ev_evaluation *e, const ev_features *f, const char *name, const char *title, ev_value value)
{
    if (run->n_numbers == EV_NUMBERS)
        ex_usage_error(run->ex.program, "--taps, --only: more than %d numbers", EV_NUMBERS);
    run->numbers[run->n_numbers++] = (ev_number){ name != NULL ? name : e->name, title != NULL ? title : e->title, f->tap, f->width,
                                                  value };
}

static bool is_possible(const ev_run *run, const ev_evaluation *e, const ev_features *f)
{
    return (run->ex.o.only == NULL || has_name(run->ex.o.only, e->name)) && ((e->needs & EV_LABELS) == 0 || f->train != NULL) &&
           ((e->needs & EV_CODE) == 0 || f->tap == run->program.code);
}

void ev_evaluate(ev_run *run, const ev_features *f)
{
    for (int k = 0; k < N_LIST; k++)
        if (is_possible(run, &list[k], f)) {
            ex_report_note(&run->ex, "%s: %s", f->tap, list[k].title);
            list[k].run(run, &list[k], f);
        }
}
