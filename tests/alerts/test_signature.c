#include "alerts/signature.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

/* RFC 4231, test cases 1, 2, 6 and 7. */
Test(signature, is_the_hmac_of_rfc_4231)
{
    char key_20[20], key_131[131];
    memset(key_20, 0x0b, sizeof key_20);
    memset(key_131, 0xaa, sizeof key_131);
    const struct {
        struct text key, data;
        const char *expected;
    } rows[] = {
        {{key_20, 20}, TEXT("Hi There"), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {TEXT("Jefe"), TEXT("what do ya want for nothing?"),
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {{key_131, 131},
         TEXT("Test Using Larger Than Block-Size Key - Hash Key First"),
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {{key_131, 131},
         TEXT("This is a test using a larger than block-size key and a larger than block-size data. The key needs to "
              "be hashed before being used by the HMAC algorithm."),
         "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buffer b;
        buffer_init(&b);
        signature_format(&b, rows[i].key, rows[i].data);
        cr_expect(eq(int, strncmp(b.at, "sha256=", 7), 0));
        cr_expect(eq(str, b.at + 7, (char *)rows[i].expected), "row %zu", i);
        buffer_fini(&b);
    }
}
