package interop;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.MessageExt;

/** What a scenario saw, printed as one line of JSON. Safe for use from listener threads. */
final class Report {
    private static final int BODY_SHOWN_MAX = 200;

    private final List<Object> sent = Collections.synchronizedList(new ArrayList<>());
    private final List<Object> received = Collections.synchronizedList(new ArrayList<>());
    private final Map<String, Object> facts = Collections.synchronizedMap(new LinkedHashMap<>());

    void sent(String body, SendResult result) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("body", body);
        row.put("status", String.valueOf(result.getSendStatus()));
        row.put("id", result.getMsgId());
        row.put("offset_id", result.getOffsetMsgId());
        row.put("queue", result.getMessageQueue().getQueueId());
        row.put("offset", result.getQueueOffset());
        sent.add(row);
    }

    void received(String member, MessageExt message) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("member", member);
        row.put("id", message.getMsgId());
        row.put("topic", message.getTopic());
        row.put("queue", message.getQueueId());
        row.put("offset", message.getQueueOffset());
        row.put("body", shown(message.getBody()));
        row.put("retries", message.getReconsumeTimes());
        row.put("born_at", message.getBornTimestamp());
        row.put("at", System.currentTimeMillis());
        row.put("properties", new LinkedHashMap<>(message.getProperties()));
        received.add(row);
    }

    int receivedCount() {
        return received.size();
    }

    /** However often each body came: a member that joins or leaves may make one come twice. */
    int distinctCount() {
        Set<Object> bodies = new HashSet<>();
        synchronized (received) {
            for (Object row : received) {
                bodies.add(((Map<?, ?>) row).get("body"));
            }
        }
        return bodies.size();
    }

    void fact(String name, Object value) {
        facts.put(name, value);
    }

    /** Short bodies as text, long ones as `sha256:HEX:LENGTH`; the runner does the same with what is stored. */
    static String shown(byte[] body) {
        if (body.length <= BODY_SHOWN_MAX) {
            return new String(body, StandardCharsets.UTF_8);
        }
        try {
            StringBuilder hex = new StringBuilder();
            for (byte b : MessageDigest.getInstance("SHA-256").digest(body)) {
                hex.append(String.format("%02x", b));
            }
            return "sha256:" + hex + ":" + body.length;
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    String json() {
        Map<String, Object> all = new LinkedHashMap<>();
        all.put("sent", new ArrayList<>(sent));
        all.put("received", new ArrayList<>(received));
        all.putAll(facts);
        StringBuilder out = new StringBuilder();
        write(out, all);
        return out.toString();
    }

    private static void write(StringBuilder out, Object value) {
        if (value instanceof Map) {
            String separator = "{";
            for (Map.Entry<?, ?> entry : ((Map<?, ?>) value).entrySet()) {
                out.append(separator);
                write(out, String.valueOf(entry.getKey()));
                out.append(':');
                write(out, entry.getValue());
                separator = ",";
            }
            out.append(separator.equals("{") ? "{}" : "}");
        } else if (value instanceof List) {
            String separator = "[";
            for (Object item : (List<?>) value) {
                out.append(separator);
                write(out, item);
                separator = ",";
            }
            out.append(separator.equals("[") ? "[]" : "]");
        } else if (value == null || value instanceof Number || value instanceof Boolean) {
            out.append(value);
        } else {
            out.append('"');
            for (char c : String.valueOf(value).toCharArray()) {
                if (c == '"' || c == '\\') {
                    out.append('\\').append(c);
                } else if (c < 0x20 || c > 0x7e) {
                    out.append(String.format("\\u%04x", (int) c));
                } else {
                    out.append(c);
                }
            }
            out.append('"');
        }
    }
}
