package peers;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import java.time.DayOfWeek;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.time.temporal.TemporalAdjusters;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import redis.clients.jedis.AbstractTransaction;
import redis.clients.jedis.RedisClient;

/** The sums of every entity by days, and their KPIs over the calendar's windows in Redis, in kpid's keys and text forms. */
final class Board implements AutoCloseable {
    static final int NOW = Integer.MIN_VALUE; // in place of a day: what stands now
    private static final String PREFIX = "kpid:{default}:";

    private record Entity(String dimension, String name) {}

    private final Map<Entity, TreeMap<Integer, long[]>> days = new HashMap<>();
    private final Set<Entity> changed = new HashSet<>();
    private final RedisClient redis;
    private LocalDate today;

    Board(String address) {
        String[] parts = address.split(":");
        redis = RedisClient.create(parts[0], Integer.parseInt(parts[1]));
    }

    private long[] sums(String dimension, String name, int day) {
        Entity entity = new Entity(dimension, name);
        changed.add(entity);
        return days.computeIfAbsent(entity, e -> new TreeMap<>()).computeIfAbsent(day, d -> new long[Fact.SUMS]);
    }

    void add(String dimension, String name, int day, long[] delta) {
        long[] sums = sums(dimension, name, day);
        for (int i = 0; i < Fact.SUMS; i++) {
            sums[i] += delta[i];
        }
    }

    void put(String dimension, String name, int day, long[] absolute) {
        System.arraycopy(absolute, 0, sums(dimension, name, day), 0, Fact.SUMS);
    }

    boolean hasChanges() {
        return !changed.isEmpty();
    }

    /** Writes the entities that have changed, in one transaction. */
    void publish(long read) {
        LocalDate day = LocalDate.now(ZoneOffset.UTC);
        if (!day.equals(today)) {
            changed.addAll(days.keySet());
            today = day;
        }
        try (AbstractTransaction transaction = redis.multi()) {
            for (Entity entity : changed) {
                publish(transaction, entity);
            }
            transaction.hset(PREFIX + "meta", Map.of("as_of", Instant.now().toString(), "read", Long.toString(read)));
            transaction.exec();
        }
        changed.clear();
    }

    private void publish(AbstractTransaction transaction, Entity entity) {
        TreeMap<Integer, long[]> own = days.get(entity);
        Map<String, LocalDate> windows = Map.of("today", today, "week",
                today.with(TemporalAdjusters.previousOrSame(DayOfWeek.MONDAY)), "month", today.withDayOfMonth(1), "quarter",
                today.withDayOfMonth(1).withMonth((today.getMonthValue() - 1) / 3 * 3 + 1), "year", today.withDayOfYear(1),
                "all", LocalDate.EPOCH);
        windows.forEach((window, from) -> {
            long[] total = new long[Fact.SUMS];
            for (long[] sums : own.tailMap((int) from.toEpochDay(), true).values()) {
                for (int i = 0; i < Fact.SUMS; i++) {
                    total[i] += sums[i];
                }
            }
            write(transaction, entity, window, total);
        });
        write(transaction, entity, "now", own.getOrDefault(NOW, new long[Fact.SUMS]));
    }

    private static void write(AbstractTransaction transaction, Entity entity, String window, long[] s) {
        Map<String, String> fields = new LinkedHashMap<>();
        count(fields, "leads_created", s[Fact.LEADS]);
        count(fields, "deals_won", s[Fact.WON]);
        count(fields, "deals_lost", s[Fact.LOST]);
        count(fields, "open_deals", s[Fact.OPEN]);
        money(fields, "sales_volume", s[Fact.SALES]);
        money(fields, "pipeline", s[Fact.PIPELINE]);
        ratio(fields, "win_rate", s[Fact.WON], s[Fact.WON] + s[Fact.LOST], 6);
        ratio(fields, "average_check", s[Fact.SALES], 100 * s[Fact.WON_VALUED], 2);
        ratio(fields, "cycle_time_mean", s[Fact.CYCLES_US], 1_000_000 * s[Fact.CYCLES], 0);
        String key = PREFIX + "kpi:" + entity.dimension + ":" + window + ":" + entity.name;
        transaction.del(key);
        if (!fields.isEmpty()) {
            transaction.hset(key, fields);
        }
    }

    private static void count(Map<String, String> fields, String name, long value) {
        if (value != 0) {
            fields.put(name, Long.toString(value));
        }
    }

    private static void money(Map<String, String> fields, String name, long cents) {
        if (cents != 0) {
            fields.put(name, new BigDecimal(BigInteger.valueOf(cents), 2).toPlainString());
        }
    }

    /** Rounded half to even; no value where nothing is behind it. */
    private static void ratio(Map<String, String> fields, String name, long above, long below, int decimals) {
        if (below != 0) {
            fields.put(name, new BigDecimal(above)
                    .divide(new BigDecimal(below), decimals, RoundingMode.HALF_EVEN).toPlainString());
        }
    }

    @Override
    public void close() {
        redis.close();
    }
}
