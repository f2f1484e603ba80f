#include "aggregators/measure.h"

const struct stream_info stream_infos[STREAM_COUNT] = {
#define X(symbol, first, measures, valued) [STREAM_##symbol] = {MEASURE_##first, measures, valued},
    STREAM_TABLE(X)
#undef X
};
