package example;

import com.amazonaws.services.lambda.runtime.Context;
import java.util.LinkedHashMap;
import java.util.Map;

/** The types of the handler stand in a generic ancestor. */
public class Orders extends Base<Order> {
    @Override
    public Map<String, Object> handleRequest(Order order, Context context) {
        context.getLogger().log("order " + order.getId() + "\nof " + order.getItems().size() + " items");
        System.out.println("java " + System.getProperty("java.specification.version") + " é");
        long count = 0;
        for (Order.Item i : order.getItems()) {
            count += i.getCount();
        }
        order.getMarks().get("a").add(4);
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("order", order);
        out.put("count", count);
        out.put("request", context.getAwsRequestId());
        out.put("function", context.getFunctionName());
        out.put("arn", context.getInvokedFunctionArn());
        out.put("memory", context.getMemoryLimitInMB());
        out.put("inTime", context.getRemainingTimeInMillis() > 0);
        out.put("heap", Runtime.getRuntime().maxMemory() >> 20);
        return out;
    }
}
