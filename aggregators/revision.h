/* revision.h - the two states of a dated table (rates, organisation) while the records that it judges are worked
 * through.
 *
 * What a record adds depends on such tables, and a change of one may reach a million records. They are restated in
 * slices between events (derivation.h), in the order of their places; until all are done, those before the cursor
 * stand for the table as it is, the others as it was, so that what was added is taken back by the very numbers.
 */
#pragma once

enum revision { REVISION_FORMER, REVISION_STANDING };
