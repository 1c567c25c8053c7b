#include <dim/status.h>

const char *dim_status_name(dim_status status)
{
#define STATUS_NAME(name, num, text) case DIM_##name: return "DIM_" #name;
    switch (status) {
        DIM_STATUS_MAP(STATUS_NAME)
    default: return "DIM_UNKNOWN";
    }
#undef STATUS_NAME
}

const char *dim_status_message(dim_status status)
{
#define STATUS_TEXT(name, num, text) case DIM_##name: return text;
    switch (status) {
        DIM_STATUS_MAP(STATUS_TEXT)
    default: return "unknown status";
    }
#undef STATUS_TEXT
}
