package peers;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.time.LocalDate;
import java.util.Map;

/** What a message says of a lead or a deal, as far as the peers look at it: the fields that it names, maybe as null. */
final class Event {
    static final int MANAGER = 0, TEAM = 1, PRODUCT = 2, REGION = 3, SOURCE = 4, LEAD = 5, STAGE = 6, AMOUNT = 7,
            CREATED = 8, CLOSED = 9, FIELDS = 10;
    private static final Map<String, Integer> FIELD_OF = Map.of("manager_id", MANAGER, "team_id", TEAM, "product", PRODUCT,
            "region", REGION, "source", SOURCE, "lead_id", LEAD, "stage", STAGE, "amount", AMOUNT, "created_at", CREATED,
            "closed_at", CLOSED);
    private static final JsonFactory JSON = new JsonFactory();

    String key;
    long atUs;
    long version;
    boolean deleted;
    int named; // a bit for each field
    final Object[] values = new Object[FIELDS];

    /** A message of the topic whose records are named by `keyField`; an empty one is a deletion. */
    static Event parse(String keyField, String key, byte[] message, long timestampMs) throws IOException {
        Event event = new Event();
        event.key = key;
        event.atUs = timestampMs * 1000;
        if (message == null || message.length == 0) {
            event.deleted = true;
            return event;
        }
        try (JsonParser in = JSON.createParser(message)) {
            in.nextToken();
            while (in.nextToken() == JsonToken.FIELD_NAME) {
                String name = in.currentName();
                JsonToken token = in.nextToken();
                if (name.equals(keyField)) {
                    event.key = in.getText();
                } else if (name.equals("occurred_at")) {
                    event.atUs = micros(in, token);
                } else if (name.equals("version")) {
                    event.version = token == JsonToken.VALUE_NULL ? 0 : in.getLongValue();
                } else if (name.equals("deleted")) {
                    event.deleted = token == JsonToken.VALUE_TRUE;
                } else {
                    event.take(FIELD_OF.get(name), in, token);
                }
            }
        }
        return event;
    }

    private void take(Integer field, JsonParser in, JsonToken token) throws IOException {
        if (field == null) {
            in.skipChildren();
            return;
        }
        named |= 1 << field;
        if (token != JsonToken.VALUE_NULL) {
            values[field] = switch (field) {
                case AMOUNT -> cents(in.getText());
                case CREATED, CLOSED -> (Object) micros(in, token);
                default -> in.getText();
            };
        }
    }

    private static Long cents(String text) {
        return new BigDecimal(text).setScale(6, RoundingMode.HALF_EVEN).movePointRight(2)
                .setScale(0, RoundingMode.HALF_EVEN).longValueExact();
    }

    private static long micros(JsonParser in, JsonToken token) throws IOException {
        return token == JsonToken.VALUE_NUMBER_INT ? in.getLongValue() * 1000 : micros(in.getText());
    }

    /** RFC 3339, or a date. By hand: OffsetDateTime.parse takes as long as the rest of an event. */
    static long micros(String text) {
        long days = LocalDate.of(digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10)).toEpochDay();
        if (text.length() == 10) {
            return days * 86_400_000_000L;
        }
        long seconds = days * 86400 + digits(text, 11, 13) * 3600L + digits(text, 14, 16) * 60L + digits(text, 17, 19);
        int at = 19, unit = 100_000;
        long fraction = 0;
        if (text.charAt(at) == '.') {
            for (at++; Character.isDigit(text.charAt(at)); at++, unit /= 10) {
                fraction += (text.charAt(at) - '0') * (long) unit;
            }
        }
        if (text.charAt(at) != 'Z') {
            long offset = digits(text, at + 1, at + 3) * 3600L + digits(text, at + 4, at + 6) * 60L;
            seconds -= text.charAt(at) == '-' ? -offset : offset;
        }
        return seconds * 1_000_000 + fraction;
    }

    private static int digits(String text, int from, int to) {
        int number = 0;
        for (int i = from; i < to; i++) {
            number = number * 10 + text.charAt(i) - '0';
        }
        return number;
    }
}
