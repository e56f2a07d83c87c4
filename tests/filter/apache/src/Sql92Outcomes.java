import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.rocketmq.filter.FilterFactory;
import org.apache.rocketmq.filter.expression.EvaluationContext;
import org.apache.rocketmq.filter.expression.Expression;
import org.apache.rocketmq.filter.expression.MQFilterException;

/** Rewrites the first column of a table of expressions (its head says how it is built) with what Apache RocketMQ makes of them. */
public class Sql92Outcomes {
    private static final int COLUMNS = 5;

    public static void main(String[] arguments) throws IOException {
        Path table = Paths.get(arguments[0]);
        List<String> lines = new ArrayList<>();
        for (String line : Files.readAllLines(table, StandardCharsets.UTF_8)) {
            lines.add(line.isEmpty() || line.startsWith("#") ? line : withOutcome(line));
        }
        Files.write(table, lines, StandardCharsets.UTF_8);
    }

    private static String withOutcome(String line) {
        String[] cells = line.split("\t", -1);
        if (cells.length != COLUMNS) {
            throw new IllegalArgumentException("not " + COLUMNS + " columns: " + line);
        }
        cells[0] = outcome(unescaped(cells[3]), properties(cells[4]));
        return String.join("\t", cells);
    }

    private static String outcome(String text, final Map<String, Object> properties) {
        Expression expression;
        try {
            expression = FilterFactory.INSTANCE.get("SQL92").compile(text);
        } catch (MQFilterException refused) {
            return "refused";
        }
        try {
            Object value = expression.evaluate(new EvaluationContext() {
                @Override
                public Object get(String name) {
                    return properties.get(name);
                }

                @Override
                public Map<String, Object> keyValues() {
                    return properties;
                }
            });
            return value == null ? "unknown" : Boolean.TRUE.equals(value) ? "yes" : "no";
        } catch (Exception failed) {
            return "throws";
        }
    }

    private static Map<String, Object> properties(String cell) {
        Map<String, Object> all = new HashMap<>();
        if (cell.equals("-")) {
            return all;
        }
        for (String pair : cell.split("\\|", -1)) {
            int split = pair.indexOf('=');
            all.put(pair.substring(0, split), unescaped(pair.substring(split + 1)));
        }
        return all;
    }

    private static String unescaped(String cell) {
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < cell.length(); i++) {
            char c = cell.charAt(i);
            if (c == '\\') {
                c = cell.charAt(++i);
                c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c == 'p' ? '|' : c;
            }
            text.append(c);
        }
        return text.toString();
    }
}
