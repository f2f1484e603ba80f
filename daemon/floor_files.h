/* floor_files.h - the messages of a simulated floor as four files of JSON lines, as `kpid replay` reads them:
 * leads.ndjson, deals.ndjson, payments.ndjson and feedback.ndjson.
 *
 * A line is the message's value with one more member, kafka_timestamp (ms). A tombstone has no value: its line
 * is {"kafka_key":…,"kafka_timestamp":…}. What is not an object stands as it is.
 *
 * Thread: one. Memory: floor_files_close frees all. Errors: of the disk, said once by floor_files_close.
 */
#pragma once
#include "daemon/floor.h"
#include <stdbool.h>

struct floor_files;

/* Makes the folder if need be and empties the files. NULL: cannot, errno says why; *out_path (may be NULL) which. */
struct floor_files *floor_files_open(const char *folder, char **out_path);
void floor_files_write(struct floor_files *f, const struct floor_message *m);
/* False: something could not be written; errno says why. NULL is fine. */
bool floor_files_close(struct floor_files *f);

/* One line without its newline, appended to b. */
void floor_files_line(struct buffer *b, const struct floor_message *m);
