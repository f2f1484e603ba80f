package peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.flink.api.connector.sink2.Sink;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.api.Schema;
import org.apache.flink.table.api.bridge.java.StreamTableEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.functions.AggregateFunction;
import org.apache.flink.types.RowKind;

/**
 * Flink in one process: SQL with mini-batches, state on the heap, a sink to Redis that writes once a second.
 *
 * The messages say only what has changed, and an absent member is not a null one, which neither upsert-kafka nor the JSON format
 * can tell: so what stands of a record is made by an aggregate function from its messages. All else is SQL. The topics are read to
 * their present end, so that the end of the job is the end of the work.
 *
 * Arguments: brokers, Redis.
 */
public final class Flink {
    private static final long PUBLISH_MS = 1000;
    private static final AtomicBoolean begun = new AtomicBoolean();
    private static volatile long publishedMs;

    private static final String TOPIC = """
            CREATE TABLE %1$s (id STRING, message BYTES, told_at TIMESTAMP_LTZ(3) METADATA FROM 'timestamp') WITH (
              'connector' = 'kafka', 'topic' = '%1$s', 'properties.bootstrap.servers' = '%2$s',
              'properties.max.poll.records' = '5000', 'properties.max.partition.fetch.bytes' = '8388608',
              'scan.startup.mode' = 'earliest-offset', 'scan.bounded.mode' = 'latest-offset',
              'key.format' = 'raw', 'key.fields' = 'id', 'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY')""";

    private static final String STANDING = """
            CREATE TEMPORARY VIEW standing_%1$s AS
            SELECT id, r.* FROM (SELECT id, standing('%1$s_id', id, message, told_at) AS r FROM %1$ss GROUP BY id) WHERE r.present""";

    /** A deal takes what it does not name from its lead, but the team only if it names no manager. */
    private static final String FACTS = """
            CREATE TEMPORARY VIEW facts AS
            SELECT manager, team, product, region, source, created / 86400000000 AS on_day, 1 AS leads, 0 AS won, 0 AS valued,
              CAST(0 AS BIGINT) AS sales, 0 AS lost, 0 AS cycles, CAST(0 AS BIGINT) AS cycles_us, 0 AS open_deals,
              CAST(0 AS BIGINT) AS pipeline
            FROM standing_lead WHERE created IS NOT NULL
            UNION ALL
            SELECT manager, team, product, region, source,
              CASE WHEN past THEN closed / 86400000000 ELSE %1$d END, 0,
              CASE WHEN past AND stage = 'won' THEN 1 ELSE 0 END,
              CASE WHEN past AND stage = 'won' AND cents IS NOT NULL THEN 1 ELSE 0 END,
              CASE WHEN past AND stage = 'won' AND cents IS NOT NULL THEN cents ELSE 0 END,
              CASE WHEN past AND stage = 'lost' THEN 1 ELSE 0 END,
              CASE WHEN past AND stage = 'won' AND closed >= created THEN 1 ELSE 0 END,
              CASE WHEN past AND stage = 'won' AND closed >= created THEN closed - created ELSE 0 END,
              CASE WHEN past THEN 0 ELSE 1 END,
              CASE WHEN past OR cents IS NULL THEN 0 ELSE cents END
            FROM (SELECT COALESCE(d.manager, l.manager) AS manager,
                    CASE WHEN d.team IS NULL AND d.manager IS NULL THEN l.team ELSE d.team END AS team,
                    COALESCE(d.product, l.product) AS product, COALESCE(d.region, l.region) AS region,
                    COALESCE(d.source, l.source) AS source, d.stage, d.cents, d.created, d.closed,
                    d.closed IS NOT NULL AND d.closed <= %2$d AS past
                  FROM standing_deal d LEFT JOIN standing_lead l ON l.id = d.lead_id)
            WHERE past OR created IS NOT NULL""";

    private static final String SUMS = """
            SELECT dimension, entity, on_day, SUM(leads), SUM(won), SUM(valued), SUM(sales), SUM(lost), SUM(cycles),
              SUM(cycles_us), SUM(open_deals), SUM(pipeline)
            FROM facts CROSS JOIN UNNEST(ARRAY[ROW('manager', manager), ROW('team', team), ROW('product', product),
              ROW('region', region), ROW('source', source), ROW('company', 'all')]) AS e (dimension, entity)
            WHERE entity IS NOT NULL GROUP BY dimension, entity, on_day""";

    private Flink() {}

    /** What stands of a record once these messages are in. */
    @FunctionHint(accumulator = @DataTypeHint(value = "RAW", bridgedTo = Row.class), output = @DataTypeHint("ROW<present BOOLEAN, "
            + "manager STRING, team STRING, product STRING, region STRING, source STRING, lead_id STRING, stage STRING, "
            + "cents BIGINT, created BIGINT, closed BIGINT>"))
    public static final class Standing extends AggregateFunction<org.apache.flink.types.Row, Row> {
        private static final long serialVersionUID = 1;

        @Override
        public Row createAccumulator() {
            return new Row();
        }

        public void accumulate(Row row, String keyField, String key, byte[] message,
                @DataTypeHint("TIMESTAMP_LTZ(3)") Instant at) {
            try {
                row.apply(Event.parse(keyField, key, message, at.toEpochMilli()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public org.apache.flink.types.Row getValue(Row row) {
            org.apache.flink.types.Row value = new org.apache.flink.types.Row(Event.FIELDS + 1);
            value.setField(0, row.exists);
            for (int field = 0; field < Event.CLOSED; field++) {
                value.setField(field + 1, row.values[field]);
            }
            value.setField(Event.CLOSED + 1, row.closedUs());
            return value;
        }
    }

    /** Of payments and feedback are none of the KPIs. The first of them tells that the work has begun. */
    private record Nowhere() implements Sink<org.apache.flink.types.Row> {
        @Override
        public SinkWriter<org.apache.flink.types.Row> createWriter(WriterInitContext context) {
            return new SinkWriter<>() {
                @Override
                public void write(org.apache.flink.types.Row row, Context at) {
                    if (begun.compareAndSet(false, true)) {
                        Report.ready();
                    }
                }

                @Override
                public void flush(boolean endOfInput) {}

                @Override
                public void close() {}
            };
        }
    }

    /** Sums of an entity and day, as they come, into the board that all Java peers publish with. */
    private record ToRedis(String address) implements Sink<org.apache.flink.types.Row> {
        @Override
        public SinkWriter<org.apache.flink.types.Row> createWriter(WriterInitContext context) {
            Board board = new Board(address);
            return new SinkWriter<>() {
                @Override
                public void write(org.apache.flink.types.Row row, Context at) {
                    long[] sums = new long[Fact.SUMS];
                    for (int i = 0; i < Fact.SUMS && row.getKind() != RowKind.DELETE; i++) {
                        sums[i] = ((Number) row.getField(3 + i)).longValue();
                    }
                    board.put((String) row.getField(0), (String) row.getField(1), ((Number) row.getField(2)).intValue(), sums);
                    if (System.currentTimeMillis() - publishedMs >= PUBLISH_MS) {
                        flush(false);
                    }
                }

                @Override
                public void flush(boolean endOfInput) {
                    board.publish(0);
                    publishedMs = System.currentTimeMillis();
                }

                @Override
                public void close() {
                    board.close();
                }
            };
        }
    }

    public static void main(String[] arguments) throws Exception {
        Configuration settings = new Configuration();
        settings.setString("table.exec.mini-batch.enabled", "true");
        settings.setString("table.exec.mini-batch.allow-latency", PUBLISH_MS + " ms");
        settings.setString("table.exec.mini-batch.size", "20000");
        settings.setString("table.optimizer.agg-phase-strategy", "TWO_PHASE");
        settings.setString("pipeline.object-reuse", "true");
        StreamExecutionEnvironment job = StreamExecutionEnvironment.createLocalEnvironment(2, settings);
        StreamTableEnvironment sql = StreamTableEnvironment.create(job);
        for (String topic : new String[] {"leads", "deals", "payments", "feedback"}) {
            sql.executeSql(TOPIC.formatted(topic, arguments[0]));
        }
        sql.createTemporarySystemFunction("standing", Standing.class);
        sql.executeSql(STANDING.formatted("lead"));
        sql.executeSql(STANDING.formatted("deal"));
        sql.executeSql(FACTS.formatted(Board.NOW, System.currentTimeMillis() * 1000));
        sql.toChangelogStream(sql.sqlQuery(SUMS), Schema.newBuilder().build(), ChangelogMode.upsert())
                .sinkTo(new ToRedis(arguments[1])).setParallelism(1);
        for (String topic : new String[] {"payments", "feedback"}) {
            sql.toDataStream(sql.from(topic)).sinkTo(new Nowhere());
        }
        job.execute();
        Report.appliedThenWait(publishedMs);
    }
}
