package peers;

import java.io.IOException;

/** What a peer tells the benchmark on standard output: when its work began and when all of it was published. */
final class Report {
    private Report() {}

    static void ready() {
        tell("ready", System.currentTimeMillis());
    }

    /** Then the process stays, so that it can be looked at, until its standard input ends. */
    static void appliedThenWait(long ms) throws IOException {
        tell("applied", ms);
        while (System.in.read() >= 0) {
            continue;
        }
    }

    private static void tell(String what, long ms) {
        System.out.println("{\"" + what + "\":" + ms + "}");
        System.out.flush();
    }
}
