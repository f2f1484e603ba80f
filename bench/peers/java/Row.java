package peers;

import java.util.ArrayList;
import java.util.List;

/**
 * What stands of a lead or a deal: for each field the value that was set last by the time of the change, not by arrival,
 * and which stages a deal was told to be in.
 */
public final class Row {
    record Stage(long atUs, long version, String name) {}

    final Object[] values = new Object[Event.FIELDS];
    final long[] atUs = new long[Event.FIELDS]; // 0: never set
    final long[] version = new long[Event.FIELDS];
    boolean exists;
    long existsAtUs, existsVersion, deletedAtUs, deletedVersion;
    final List<Stage> stages = new ArrayList<>(4);

    Row copy() {
        Row copy = new Row();
        System.arraycopy(values, 0, copy.values, 0, Event.FIELDS);
        System.arraycopy(atUs, 0, copy.atUs, 0, Event.FIELDS);
        System.arraycopy(version, 0, copy.version, 0, Event.FIELDS);
        copy.exists = exists;
        copy.existsAtUs = existsAtUs;
        copy.existsVersion = existsVersion;
        copy.deletedAtUs = deletedAtUs;
        copy.deletedVersion = deletedVersion;
        copy.stages.addAll(stages);
        return copy;
    }

    private static boolean newer(long atUs, long version, long thanUs, long thanVersion) {
        return atUs != thanUs ? atUs > thanUs : version > thanVersion;
    }

    /** True if anything of it was news. */
    boolean apply(Event event) {
        if (newer(deletedAtUs, deletedVersion, event.atUs, event.version)) {
            return false;
        }
        boolean news = newer(event.atUs, event.version, existsAtUs, existsVersion);
        if (news) {
            exists = !event.deleted;
            existsAtUs = event.atUs;
            existsVersion = event.version;
        }
        return event.deleted ? delete(event) || news : set(event) || news;
    }

    private boolean set(Event event) {
        boolean news = false;
        for (int rest = event.named; rest != 0; rest &= rest - 1) {
            int field = Integer.numberOfTrailingZeros(rest);
            if (newer(event.atUs, event.version, atUs[field], version[field])) {
                values[field] = event.values[field];
                atUs[field] = event.atUs;
                version[field] = event.version;
                news = true;
            }
        }
        if ((event.named & 1 << Event.STAGE) != 0) {
            Stage stage = new Stage(event.atUs, event.version, (String) event.values[Event.STAGE]);
            if (!stages.contains(stage)) {
                stages.add(stage);
                news = true;
            }
        }
        return news;
    }

    private boolean delete(Event event) {
        if (!newer(event.atUs, event.version, deletedAtUs, deletedVersion)) {
            return false;
        }
        deletedAtUs = event.atUs;
        deletedVersion = event.version;
        for (int field = 0; field < Event.FIELDS; field++) {
            if (newer(deletedAtUs, deletedVersion, atUs[field], version[field])) {
                values[field] = null;
                atUs[field] = version[field] = 0;
            }
        }
        stages.removeIf(stage -> newer(deletedAtUs, deletedVersion, stage.atUs, stage.version));
        return true;
    }

    private static boolean ends(String stage) {
        return "won".equals(stage) || "lost".equals(stage);
    }

    /** When a won or lost deal was closed: closed_at, unless it is from before a reopening; else when that stage began. */
    Long closedUs() {
        String now = (String) values[Event.STAGE];
        if (!exists || !ends(now)) {
            return null;
        }
        Stage open = null, other = null;
        for (Stage stage : stages) {
            if (!ends(stage.name) && (open == null || newer(stage.atUs, stage.version, open.atUs, open.version))) {
                open = stage;
            }
            if (!now.equals(stage.name) && (other == null || newer(stage.atUs, stage.version, other.atUs, other.version))) {
                other = stage;
            }
        }
        if (values[Event.CLOSED] != null
                && (open == null || !newer(open.atUs, open.version, atUs[Event.CLOSED], version[Event.CLOSED]))) {
            return (Long) values[Event.CLOSED];
        }
        long first = Long.MAX_VALUE;
        for (Stage stage : stages) {
            if (now.equals(stage.name) && (other == null || newer(stage.atUs, stage.version, other.atUs, other.version))) {
                first = Math.min(first, stage.atUs);
            }
        }
        return first;
    }
}
