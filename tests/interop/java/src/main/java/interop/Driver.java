package interop;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;

/**
 * Runs one scenario with the unmodified RocketMQ client and prints `RESULT {json}`.
 *
 * <p>Usage: Driver SCENARIO NAME_SERVER TOPIC GROUP [WORD...]. The topic exists already. An error of the client is part of the
 * result, as "error"; the runner decides what it means.
 */
public final class Driver {
    final String nameServer;
    final String topic;
    final String group;
    final String[] words;
    final Report report = new Report();
    final List<Runnable> closers = new ArrayList<>();

    private Driver(String[] all) {
        nameServer = all[1];
        topic = all[2];
        group = all[3];
        words = Arrays.copyOfRange(all, 4, all.length);
    }

    public static void main(String[] words) {
        Driver driver = new Driver(words);
        try {
            if (!Sending.run(words[0], driver) && !Receiving.run(words[0], driver) && !Features.run(words[0], driver)
                && !Sharing.run(words[0], driver)) {
                System.err.println("unknown scenario " + words[0]);
                System.exit(2);
            }
        } catch (Throwable e) {
            driver.report.fact("error", String.valueOf(e));
            e.printStackTrace();
        }
        System.out.println("RESULT " + driver.report.json());
        System.out.flush();
        for (int i = driver.closers.size() - 1; i >= 0; i--) {
            driver.closers.get(i).run();
        }
        // Some client versions leave non-daemon threads behind.
        System.exit(0);
    }

    /** Waits for a condition; false after SECONDS. */
    static boolean await(int seconds, Callable<Boolean> condition) throws Exception {
        long deadline = System.nanoTime() + seconds * 1_000_000_000L;
        while (!condition.call()) {
            if (System.nanoTime() > deadline) {
                return false;
            }
            Thread.sleep(20);
        }
        return true;
    }
}
