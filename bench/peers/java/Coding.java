package peers;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** Rows, facts and sums as bytes, for the stores and topics of Kafka Streams. */
final class Coding {
    private interface Writer<T> {
        void write(T value, DataOutputStream out) throws IOException;
    }

    private interface Reader<T> {
        T read(DataInputStream in) throws IOException;
    }

    static final Serde<Row> ROW = serde(Coding::writeRow, Coding::readRow);
    static final Serde<Fact> FACT = serde(Coding::writeFact, Coding::readFact);
    static final Serde<long[]> SUMS = Serdes.serdeFrom((topic, sums) -> {
        if (sums == null) {
            return null;
        }
        ByteBuffer out = ByteBuffer.allocate(Fact.SUMS * Long.BYTES);
        out.asLongBuffer().put(sums);
        return out.array();
    }, (topic, bytes) -> {
        if (bytes == null) {
            return null;
        }
        long[] sums = new long[Fact.SUMS];
        ByteBuffer.wrap(bytes).asLongBuffer().get(sums);
        return sums;
    });

    private Coding() {}

    private static <T> Serde<T> serde(Writer<T> writer, Reader<T> reader) {
        return Serdes.serdeFrom((topic, value) -> {
            if (value == null) {
                return null;
            }
            ByteArrayOutputStream bytes = new ByteArrayOutputStream(256);
            try (DataOutputStream out = new DataOutputStream(bytes)) {
                writer.write(value, out);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
            return bytes.toByteArray();
        }, (topic, bytes) -> {
            if (bytes == null) {
                return null;
            }
            try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes))) {
                return reader.read(in);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
    }

    private static boolean isNumber(int field) {
        return field == Event.AMOUNT || field == Event.CREATED || field == Event.CLOSED;
    }

    private static void writeRow(Row row, DataOutputStream out) throws IOException {
        out.writeBoolean(row.exists);
        for (long stamp : new long[] {row.existsAtUs, row.existsVersion, row.deletedAtUs, row.deletedVersion}) {
            out.writeLong(stamp);
        }
        for (int field = 0; field < Event.FIELDS; field++) {
            out.writeByte(row.atUs[field] == 0 ? 0 : row.values[field] == null ? 1 : 2);
            if (row.atUs[field] != 0) {
                out.writeLong(row.atUs[field]);
                out.writeLong(row.version[field]);
            }
            if (row.values[field] != null && isNumber(field)) {
                out.writeLong((Long) row.values[field]);
            } else if (row.values[field] != null) {
                out.writeUTF((String) row.values[field]);
            }
        }
        out.writeShort(row.stages.size());
        for (Row.Stage stage : row.stages) {
            out.writeLong(stage.atUs());
            out.writeLong(stage.version());
            writeText(stage.name(), out);
        }
    }

    private static Row readRow(DataInputStream in) throws IOException {
        Row row = new Row();
        row.exists = in.readBoolean();
        row.existsAtUs = in.readLong();
        row.existsVersion = in.readLong();
        row.deletedAtUs = in.readLong();
        row.deletedVersion = in.readLong();
        for (int field = 0; field < Event.FIELDS; field++) {
            int state = in.readByte();
            if (state > 0) {
                row.atUs[field] = in.readLong();
                row.version[field] = in.readLong();
            }
            if (state > 1) {
                row.values[field] = isNumber(field) ? (Object) in.readLong() : in.readUTF();
            }
        }
        for (int count = in.readShort(); count > 0; count--) {
            row.stages.add(new Row.Stage(in.readLong(), in.readLong(), readText(in)));
        }
        return row;
    }

    private static void writeFact(Fact fact, DataOutputStream out) throws IOException {
        out.writeByte((fact.lead() ? 1 : 0) | (fact.won() ? 2 : 0) | (fact.lost() ? 4 : 0) | (fact.ahead() ? 8 : 0));
        for (String entity : fact.entities()) {
            writeText(entity, out);
        }
        for (Long number : new Long[] {fact.createdUs(), fact.closedUs(), fact.cents()}) {
            out.writeBoolean(number != null);
            if (number != null) {
                out.writeLong(number);
            }
        }
    }

    private static Fact readFact(DataInputStream in) throws IOException {
        int flags = in.readByte();
        String[] entities = new String[Fact.DIMENSIONS.length];
        for (int i = 0; i < entities.length; i++) {
            entities[i] = readText(in);
        }
        return new Fact(entities, (flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, (flags & 8) != 0, readNumber(in),
                readNumber(in), readNumber(in));
    }

    private static Long readNumber(DataInputStream in) throws IOException {
        return in.readBoolean() ? in.readLong() : null;
    }

    private static void writeText(String text, DataOutputStream out) throws IOException {
        out.writeBoolean(text != null);
        if (text != null) {
            out.writeUTF(text);
        }
    }

    private static String readText(DataInputStream in) throws IOException {
        return in.readBoolean() ? in.readUTF() : null;
    }
}
