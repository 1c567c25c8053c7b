#include "ops/op.h"

const dim__op *const dim__op_table[] = {
#define X(name) &dim__op_##name,
#include "ops/op_list.def"
#undef X
    NULL
};
