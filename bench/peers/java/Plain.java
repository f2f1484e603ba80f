package peers;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.StringDeserializer;

/**
 * The program that a Java developer would write: one thread that reads Kafka, maps of what stands, what a record added is
 * taken back and added anew, changed entities go to Redis once a second.
 *
 * Arguments: brokers, Redis, number of events.
 */
public final class Plain {
    private static final long PUBLISH_MS = 1000;

    private static final class Deal {
        final Row row = new Row();
        String leadId;
        Fact counted;
    }

    private record Due(long atUs, Deal deal) {}

    private static final class Lead {
        final Row row = new Row();
        final Set<Deal> deals = new HashSet<>(2);
        Fact counted;
    }

    private final Map<String, Lead> leads = new HashMap<>();
    private final Map<String, Deal> deals = new HashMap<>();
    private final PriorityQueue<Due> due = new PriorityQueue<>(Comparator.comparingLong(Due::atUs)); // closings ahead of now
    private final Board board;
    private long nowUs;

    private Plain(Board board) {
        this.board = board;
        this.nowUs = System.currentTimeMillis() * 1000;
    }

    private void apply(ConsumerRecord<String, byte[]> message) throws Exception {
        switch (message.topic()) {
            case "leads" -> applyLead(Event.parse("lead_id", message.key(), message.value(), message.timestamp()));
            case "deals" -> applyDeal(Event.parse("deal_id", message.key(), message.value(), message.timestamp()));
            default -> { } // payments and feedback: none of the KPIs is of them
        }
    }

    private void applyLead(Event event) {
        Lead lead = leads.computeIfAbsent(event.key, k -> new Lead());
        if (lead.row.apply(event)) {
            lead.counted = recount(lead.counted, Fact.ofLead(lead.row));
            for (Deal deal : lead.deals) {
                recount(deal);
            }
        }
    }

    private void applyDeal(Event event) {
        Deal deal = deals.computeIfAbsent(event.key, k -> new Deal());
        if (!deal.row.apply(event)) {
            return;
        }
        String leadId = (String) deal.row.values[Event.LEAD];
        if (deal.leadId != null && !deal.leadId.equals(leadId)) {
            leads.get(deal.leadId).deals.remove(deal);
        }
        deal.leadId = leadId;
        if (leadId != null) {
            leads.computeIfAbsent(leadId, k -> new Lead()).deals.add(deal);
        }
        recount(deal);
    }

    private void recount(Deal deal) {
        Lead lead = deal.leadId == null ? null : leads.get(deal.leadId);
        Fact now = Fact.ofDeal(deal.row, lead == null ? null : lead.row, nowUs);
        if (now != null && now.ahead()) {
            due.add(new Due(now.closedUs(), deal));
        }
        deal.counted = recount(deal.counted, now);
    }

    private Fact recount(Fact before, Fact now) {
        if (now == null ? before == null : now.same(before)) {
            return before;
        }
        if (before != null) {
            before.each(-1, board::add);
        }
        if (now != null) {
            now.each(1, board::add);
        }
        return now;
    }

    private void publish(long read) {
        nowUs = System.currentTimeMillis() * 1000;
        while (!due.isEmpty() && due.peek().atUs <= nowUs) {
            recount(due.poll().deal);
        }
        board.publish(read);
    }

    public static void main(String[] arguments) throws Exception {
        long total = Long.parseLong(arguments[2]), read = 0, published = 0;
        Map<String, Object> settings = Map.of("bootstrap.servers", arguments[0], "enable.auto.commit", false,
                "auto.offset.reset", "earliest", "max.poll.records", 5000, "max.partition.fetch.bytes", 8 << 20,
                "fetch.max.bytes", 64 << 20, "receive.buffer.bytes", -1, "check.crcs", true);
        try (Board board = new Board(arguments[1]);
                KafkaConsumer<String, byte[]> consumer =
                        new KafkaConsumer<>(settings, new StringDeserializer(), new ByteArrayDeserializer())) {
            Plain plain = new Plain(board);
            List<TopicPartition> partitions = new ArrayList<>();
            for (String topic : List.of("leads", "deals", "payments", "feedback")) {
                consumer.partitionsFor(topic).forEach(p -> partitions.add(new TopicPartition(topic, p.partition())));
            }
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Report.ready();
            while (read < total) {
                for (ConsumerRecord<String, byte[]> message : consumer.poll(Duration.ofMillis(100))) {
                    plain.apply(message);
                    read++;
                }
                if (System.currentTimeMillis() - published >= PUBLISH_MS) {
                    plain.publish(read);
                    published = System.currentTimeMillis();
                }
            }
            plain.publish(read);
            Report.appliedThenWait(System.currentTimeMillis());
        }
    }
}
