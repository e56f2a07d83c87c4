import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.rocketmq.client.consumer.AllocateMessageQueueStrategy;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMachineRoomNearby;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragely;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueAveragelyByCircle;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueByMachineRoom;
import org.apache.rocketmq.client.consumer.rebalance.AllocateMessageQueueConsistentHash;
import org.apache.rocketmq.common.message.MessageQueue;

/**
 * Prints what RocketMQ's allocation strategies answer, one case per line: strategy, brokers, queues of each, members, and the
 * numbers of the sorted queues that each member gets. tests/data/allocations.tsv is its output:
 *   java -cp 'LIB/*' tests/client/apache/Allocations.java > tests/data/allocations.tsv
 * with rocketmq-client 5.3.3 and what it needs in LIB. Broker b of n is named "room<b mod 3>@broker-<b>", member c
 * "10.0.<c mod 3>.<c>@<1000 + c>"; both rooms are the number mod 3.
 */
public class Allocations {
    public static void main(String[] args) {
        AllocateMessageQueueByMachineRoom rooms = new AllocateMessageQueueByMachineRoom();
        rooms.setConsumeridcs(new HashSet<>(Arrays.asList("room0", "room2")));
        AllocateMachineRoomNearby.MachineRoomResolver resolver = new AllocateMachineRoomNearby.MachineRoomResolver() {
            @Override
            public String brokerDeployIn(MessageQueue queue) {
                return queue.getBrokerName().substring(4, 5);
            }

            @Override
            public String consumerDeployIn(String id) {
                return id.split("\\.")[2];
            }
        };
        List<AllocateMessageQueueStrategy> all = Arrays.asList(new AllocateMessageQueueAveragely(),
            new AllocateMessageQueueAveragelyByCircle(), new AllocateMessageQueueConsistentHash(),
            new AllocateMessageQueueConsistentHash(3), rooms,
            new AllocateMachineRoomNearby(new AllocateMessageQueueAveragely(), resolver),
            new AllocateMachineRoomNearby(new AllocateMessageQueueAveragelyByCircle(), resolver));
        String[] names = {"AVG", "AVG_BY_CIRCLE", "CONSISTENT_HASH", "CONSISTENT_HASH/3", "MACHINE_ROOM", "MACHINE_ROOM_NEARBY-AVG",
            "MACHINE_ROOM_NEARBY-AVG_BY_CIRCLE"};
        int[][] shapes = {{1, 1}, {1, 4}, {1, 16}, {2, 4}, {3, 5}, {4, 8}, {7, 3}};
        int[] members = {1, 2, 3, 5, 8, 20};
        for (int s = 0; s < names.length; s++) {
            for (int[] shape : shapes) {
                for (int count : members) {
                    System.out.println(names[s] + "\t" + shape[0] + "\t" + shape[1] + "\t" + count + "\t"
                        + shares(all.get(s), shape[0], shape[1], count));
                }
            }
        }
    }

    private static String shares(AllocateMessageQueueStrategy strategy, int brokers, int each, int count) {
        List<MessageQueue> queues = new ArrayList<>();
        for (int b = 0; b < brokers; b++) {
            for (int q = 0; q < each; q++) {
                queues.add(new MessageQueue("orders", "room" + b % 3 + "@broker-" + b, q));
            }
        }
        List<String> ids = new ArrayList<>();
        for (int c = 0; c < count; c++) {
            ids.add("10.0." + c % 3 + "." + c + "@" + (1000 + c));
        }
        Collections.sort(queues);
        List<String> sorted = new ArrayList<>(ids);
        Collections.sort(sorted);
        return ids.stream().map(id -> strategy.allocate("group", id, queues, sorted).stream().map(queue -> queues.indexOf(queue)).sorted()
            .map(String::valueOf).collect(Collectors.joining(","))).collect(Collectors.joining(";", "", ";"));
    }
}
