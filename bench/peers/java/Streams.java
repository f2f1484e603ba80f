package peers;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams: tables of what stands, deals joined with their leads by the foreign key, what a record added taken back and
 * added anew as messages to the entity and day that they concern, sums there, from there to Redis once a second.
 *
 * Arguments: brokers, Redis, number of events, and `rocksdb` for persistent stores in place of stores in memory.
 */
public final class Streams {
    private static final long PUBLISH_MS = 1000, QUIET_MS = 6000;
    private static final int PARTITIONS = 4;
    private static final String COUNTED = "counted";

    private static final AtomicLong read = new AtomicLong();

    private Streams() {}

    private static void count() {
        if (read.getAndIncrement() == 0) {
            Report.ready();
        }
    }

    /** A message with its time stamp becomes an event. */
    private static final class Parser extends ContextualFixedKeyProcessor<String, byte[], Event> {
        private final String keyField;

        Parser(String keyField) {
            this.keyField = keyField;
        }

        @Override
        public void process(FixedKeyRecord<String, byte[]> message) {
            count();
            try {
                context().forward(
                        message.withValue(Event.parse(keyField, message.key(), message.value(), message.timestamp())));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }
    }

    /** Remembers what each record has added, and tells the difference to what it adds now. */
    private static final class Differ implements Processor<String, Fact, String, long[]> {
        private record Due(long atUs, String key) {}

        private final PriorityQueue<Due> due = new PriorityQueue<>(Comparator.comparingLong(Due::atUs));
        private ProcessorContext<String, long[]> context;
        private KeyValueStore<String, Fact> counted;

        @Override
        public void init(ProcessorContext<String, long[]> given) {
            context = given;
            counted = context.getStateStore(COUNTED);
            context.schedule(Duration.ofMillis(PUBLISH_MS), PunctuationType.WALL_CLOCK_TIME, this::closeWhatIsDue);
        }

        @Override
        public void process(Record<String, Fact> changed) {
            Fact before = counted.get(changed.key()), now = changed.value();
            if (now == null ? before == null : now.same(before)) {
                return;
            }
            counted.put(changed.key(), now);
            if (now != null && now.ahead()) {
                due.add(new Due(now.closedUs(), changed.key()));
            }
            Map<String, long[]> deltas = new HashMap<>();
            for (Fact fact : new Fact[] {before, now}) {
                if (fact != null) {
                    fact.each(fact == now ? 1 : -1, (dimension, entity, day, sums) -> deltas.merge(
                            dimension + "\n" + entity + "\n" + day, sums, Streams::sum));
                }
            }
            deltas.forEach((key, delta) -> context.forward(new Record<>(key, delta, changed.timestamp())));
        }

        private void closeWhatIsDue(long nowMs) {
            while (!due.isEmpty() && due.peek().atUs <= nowMs * 1000) {
                String key = due.poll().key;
                Fact fact = counted.get(key);
                if (fact != null && fact.ahead() && fact.closedUs() <= nowMs * 1000) {
                    process(new Record<>(key, fact.closed(), nowMs));
                }
            }
        }
    }

    private static long[] sum(long[] a, long[] b) {
        long[] sums = new long[Fact.SUMS];
        for (int i = 0; i < Fact.SUMS; i++) {
            sums[i] = a[i] + b[i];
        }
        return sums;
    }

    private static KTable<String, Row> standing(StreamsBuilder builder, String topic, String keyField) {
        return builder.stream(topic, Consumed.with(Serdes.String(), Serdes.ByteArray()))
                .processValues(() -> new Parser(keyField))
                .groupByKey()
                .aggregate(Row::new, (key, event, row) -> {
                    Row next = row.copy();
                    next.apply(event);
                    return next;
                }, Materialized.with(Serdes.String(), Coding.ROW));
    }

    private static void build(StreamsBuilder builder, boolean rocksdb, Board board) {
        KTable<String, Row> leads = standing(builder, "leads", "lead_id");
        KTable<String, Row> deals = standing(builder, "deals", "deal_id");
        builder.stream(List.of("payments", "feedback"), Consumed.with(Serdes.String(), Serdes.ByteArray()))
                .foreach((key, value) -> count()); // none of the KPIs is of them
        KStream<String, Fact> ofDeals = deals.leftJoin(leads, deal -> (String) deal.values[Event.LEAD],
                (deal, lead) -> Fact.ofDeal(deal, lead, System.currentTimeMillis() * 1000)).toStream();
        Serde<String> text = Serdes.String();
        builder.addStateStore(Stores.keyValueStoreBuilder(
                rocksdb ? Stores.persistentKeyValueStore(COUNTED) : Stores.inMemoryKeyValueStore(COUNTED), text, Coding.FACT)
                .withCachingEnabled());
        leads.toStream().mapValues(Fact::ofLead).merge(ofDeals)
                .process(Differ::new, COUNTED)
                .groupByKey(Grouped.with(text, Coding.SUMS))
                .reduce(Streams::sum, Materialized.with(text, Coding.SUMS))
                .toStream()
                .foreach((key, sums) -> {
                    String[] parts = key.split("\n");
                    synchronized (board) {
                        board.put(parts[0], parts[1], Integer.parseInt(parts[2]), sums);
                    }
                });
    }

    private static Properties settings(String brokers, boolean rocksdb, Path folder) {
        Properties settings = new Properties();
        settings.put("application.id", "peer-" + ProcessHandle.current().pid());
        settings.put("bootstrap.servers", brokers);
        settings.put("state.dir", folder.toString());
        settings.put("num.stream.threads", 2);
        settings.put("commit.interval.ms", PUBLISH_MS);
        settings.put("statestore.cache.max.bytes", 128 << 20);
        if (!rocksdb) {
            settings.put("dsl.store.suppliers.class", BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers.class);
        }
        settings.put("consumer.auto.offset.reset", "earliest");
        settings.put("consumer.max.poll.records", 5000);
        settings.put("consumer.max.partition.fetch.bytes", 8 << 20);
        settings.put("producer.linger.ms", 50);
        settings.put("producer.batch.size", 256 << 10);
        settings.put("producer.compression.type", "lz4");
        return settings;
    }

    public static void main(String[] arguments) throws Exception {
        long total = Long.parseLong(arguments[2]), changed = 0;
        boolean rocksdb = arguments.length > 3 && arguments[3].equals("rocksdb");
        Path folder = Files.createTempDirectory("peer-streams");
        try (Board board = new Board(arguments[1])) {
            StreamsBuilder builder = new StreamsBuilder();
            build(builder, rocksdb, board);
            KafkaStreams streams = new KafkaStreams(builder.build(), settings(arguments[0], rocksdb, folder));
            streams.start();
            // The last messages pass through three topics more; when nothing has come for some commits, they have passed.
            while (read.get() < total || changed == 0 || System.currentTimeMillis() - changed < QUIET_MS) {
                Thread.sleep(PUBLISH_MS / 10);
                synchronized (board) {
                    if (board.hasChanges() && System.currentTimeMillis() - changed >= PUBLISH_MS) {
                        board.publish(read.get());
                        changed = System.currentTimeMillis();
                    }
                }
            }
            Report.appliedThenWait(changed);
        }
    }
}
