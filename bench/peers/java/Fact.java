package peers;

import java.util.Arrays;
import java.util.Objects;

/** What one lead or deal adds: to which entities, to which day, how much. A deal that closes ahead of now is open until then. */
record Fact(String[] entities, boolean lead, boolean won, boolean lost, boolean ahead, Long createdUs, Long closedUs,
        Long cents) {
    static final String[] DIMENSIONS = {"manager", "team", "product", "region", "source", "company"};
    static final int LEADS = 0, WON = 1, WON_VALUED = 2, SALES = 3, LOST = 4, CYCLES = 5, CYCLES_US = 6, OPEN = 7,
            PIPELINE = 8, SUMS = 9;
    static final long DAY_US = 86_400_000_000L;

    interface Taker {
        void take(String dimension, String entity, int day, long[] sums);
    }

    static Fact ofLead(Row lead) {
        return !lead.exists ? null
                : new Fact(entities(lead, null), true, false, false, false, (Long) lead.values[Event.CREATED], null, null);
    }

    /** A deal takes what it does not name from its lead, but the team only if it names no manager. */
    static Fact ofDeal(Row deal, Row lead, long nowUs) {
        if (!deal.exists) {
            return null;
        }
        String[] entities = entities(deal, lead != null && lead.exists ? lead : null);
        Object stage = deal.values[Event.STAGE];
        Long closedUs = deal.closedUs();
        return new Fact(entities, false, "won".equals(stage), "lost".equals(stage), closedUs != null && closedUs > nowUs,
                (Long) deal.values[Event.CREATED], closedUs, (Long) deal.values[Event.AMOUNT]);
    }

    private static String[] entities(Row row, Row above) {
        String[] entities = new String[DIMENSIONS.length];
        for (int field = 0; field <= Event.SOURCE; field++) {
            entities[field] = (String) row.values[field];
            boolean inherits = field != Event.TEAM || row.values[Event.MANAGER] == null;
            if (entities[field] == null && above != null && inherits) {
                entities[field] = (String) above.values[field];
            }
        }
        entities[DIMENSIONS.length - 1] = "all";
        return entities;
    }

    /** Tells what it adds; `sign` -1 takes it back. */
    void each(int sign, Taker taker) {
        long[] sums = new long[SUMS];
        int day = Board.NOW;
        if (lead) {
            if (createdUs == null) {
                return;
            }
            day = (int) Math.floorDiv(createdUs, DAY_US);
            sums[LEADS] = sign;
        } else if ((won || lost) && !ahead) {
            day = (int) Math.floorDiv(closedUs, DAY_US);
            sums[won ? WON : LOST] = sign;
            if (won && cents != null) {
                sums[WON_VALUED] = sign;
                sums[SALES] = sign * cents;
            }
            if (won && createdUs != null && closedUs >= createdUs) {
                sums[CYCLES] = sign;
                sums[CYCLES_US] = sign * (closedUs - createdUs);
            }
        } else if (createdUs != null) {
            sums[OPEN] = sign;
            sums[PIPELINE] = cents == null ? 0 : sign * cents;
        } else {
            return;
        }
        for (int i = 0; i < DIMENSIONS.length; i++) {
            if (entities[i] != null) {
                taker.take(DIMENSIONS[i], entities[i], day, sums);
            }
        }
    }

    /** The same when its closing is past. */
    Fact closed() {
        return new Fact(entities, lead, won, lost, false, createdUs, closedUs, cents);
    }

    boolean same(Fact other) {
        return other != null && Arrays.equals(entities, other.entities) && won == other.won && lost == other.lost
                && ahead == other.ahead && Objects.equals(createdUs, other.createdUs) && Objects.equals(closedUs, other.closedUs)
                && Objects.equals(cents, other.cents);
    }
}
