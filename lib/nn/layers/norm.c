/* Batch norm and layer norm. */
#include "nn/layers/layer.h"

static dim__vid emit_batch_norm(const dim__layer_in *e) { return dim__nn_batch_norm(e->scope, e->l->name, e->x); }
static dim__vid emit_layer_norm(const dim__layer_in *e) { return dim__nn_layer_norm(e->scope, e->l->name, e->x); }

const dim__layer_def dim__layer_batch_norm = { .name = "bn", .emit = emit_batch_norm };
const dim__layer_def dim__layer_layer_norm = { .name = "norm", .emit = emit_layer_norm };
