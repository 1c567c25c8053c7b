#include "case.h"

#include <stdio.h>

static void print_shape(shape s) { printf("(%d, %d, %d)", s.c, s.h, s.w); }

static void print_net(const test_case *c, int k)
{
    static const char *const kinds[] = { "conv", "linear", "batch_norm", "layer_norm", "relu", "leaky_relu", "sigmoid", "tanh",
        "softplus", "max_pool", "avg_pool", "global_max", "global_avg", "flatten", "dropout", "add", "concat", "slice", "from",
        "gaussian", "pad_channels", "conv_transpose", "unflatten", "upsample", "depthwise" };
    const net_spec *n = &c->nets[k];
    printf("network %d of player %d, from", k, n->owner);
    for (int i = 0; i < n->inputs; i++)
        print_shape(n->in[i]);
    printf("\n");
    for (int i = 0; i < n->n; i++) {
        const dim_layer_options *o = &n->l[i].o;
        printf("  l%d %s", i, kinds[o->kind]);
        if (n->l[i].from != NO_LAYER)
            printf(" of %d", n->l[i].from);
        printf(" kernel %u %u stride %u %u padding %u %u %u mode %d dilation %u %u output_padding %u %u %u rate %g slope %g ->",
               o->kernel, o->kernel_w, o->stride, o->stride_w, o->padding, o->padding_h, o->padding_w, (int)o->padding_mode,
               o->dilation, o->dilation_w, o->output_padding, o->output_padding_h, o->output_padding_w, (double)o->rate,
               (double)o->slope);
        print_shape(n->l[i].out);
        printf("\n");
    }
}

static void print_loss(const test_case *c, int k)
{
    const loss_spec *l = &c->losses[k];
    const dim_estimator_options *e = &l->est;
    char name[NAME];
    printf("L%d kind %d%s of", k, (int)l->kind, l->whole ? " of the whole map" : "");
    for (int i = 0; i < l->n_of; i++) {
        name_of(c, l->of[i], name);
        printf(" %s x %d", name, views_of(c, l->of[i]));
        print_shape(shape_of(c, l->of[i]));
    }
    printf(" sum_units %u adversary %d\n", l->sum_units, (int)l->adversary);
    if (l->has_term)
        printf("  critic %d of player %d, units %u hidden %u %u %u batch_norm %u mixture %u %g; %s negatives %d scale %g penalty %g "
               "clip %g tau %g rate %g memory %d\n", (int)l->term.critic, l->owner, l->term.units, l->term.hidden[0],
               l->term.hidden[1], l->term.hidden[2], l->term.batch_norm, l->term.mixture, (double)l->term.mixture_tau,
               dim_estimator_name(e->kind), (int)e->negatives, (double)e->scale, (double)e->penalty, (double)e->clip,
               (double)e->smile_tau, (double)e->mine_rate, (int)e->score_memory);
}

void describe(const test_case *c)
{
    printf("%d samples, %d steps\n", c->samples, c->steps);
    for (int i = 0; i < c->n_inputs; i++) {
        printf("i%d kind %d%s x %d ", i, (int)c->in[i].kind, c->in[i].label ? " labels" : "", c->in[i].views);
        print_shape(c->in[i].s);
        printf("\n");
    }
    for (int i = 0; i < c->n_nets; i++)
        print_net(c, i);
    for (int i = 0; i < c->n_apps; i++) {
        printf("f%d is network %d of", i, c->apps[i].net);
        for (int k = 0; k < c->nets[c->apps[i].net].inputs; k++) {
            char name[NAME];
            name_of(c, c->apps[i].of[k], name);
            printf(" %s", name);
        }
        printf("\n");
    }
    for (int i = 0; i < c->n_losses; i++)
        print_loss(c, i);
    for (int k = 0; k < c->n_players; k++) {
        const player_spec *p = &c->players[k];
        printf("p%d turns %d afterwards %d lr %g momentum %g:", k, p->turns, p->afterwards, (double)p->lr, (double)p->momentum);
        for (int i = 0; i < p->n_aims; i++)
            printf(" %g L%d", (double)p->weight[i], p->aim[i]);
        printf("\n");
    }
}
