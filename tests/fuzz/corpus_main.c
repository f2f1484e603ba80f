/* corpus_main.c - runs a fuzz target over files instead of libFuzzer, so that every build tests the corpora.
 *
 * Arguments are files or folders (without descent). A sanitizer or an abort says what went wrong; the name of the
 * file being run is written first, so that it is known.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -1;
    }
    struct stat st;
    if (fstat(fileno(file), &st) != 0 || !S_ISREG(st.st_mode)) {
        fclose(file);
        return 0;
    }
    size_t size = (size_t)st.st_size;
    /* Exactly as many bytes as the file has: a read past the end is then seen by the address sanitizer. */
    uint8_t *data = malloc(size ? size : 1);
    if (!data || fread(data, 1, size, file) != size) {
        fprintf(stderr, "%s: cannot be read\n", path);
        free(data);
        fclose(file);
        return -1;
    }
    fclose(file);
    fprintf(stderr, "%s\n", path);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 1;
}

static int run_folder(const char *path, DIR *dir)
{
    int runs = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        char file[4096];
        if (entry->d_name[0] == '.' || snprintf(file, sizeof file, "%s/%s", path, entry->d_name) >= (int)sizeof file) {
            continue;
        }
        int n = run_file(file);
        if (n < 0) {
            return -1;
        }
        runs += n;
    }
    return runs;
}

int main(int argc, char **argv)
{
    int runs = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        int n = dir ? run_folder(argv[i], dir) : run_file(argv[i]);
        if (dir) {
            closedir(dir);
        }
        if (n < 0) {
            return 1;
        }
        runs += n;
    }
    fprintf(stderr, "%d inputs\n", runs);
    /* An empty corpus tests nothing and must not look like a pass. */
    return runs > 0 ? 0 : 1;
}
