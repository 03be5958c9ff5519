package example;

import java.math.BigDecimal;
import java.util.List;
import java.util.Map;

/** A bean as users write them. */
public class Order {
    public enum State { OPEN, PAID }

    public static class Item {
        private String name;
        private long count;

        public String getName() { return name; }
        public void setName(String name) { this.name = name; }
        public long getCount() { return count; }
        public void setCount(long count) { this.count = count; }
    }

    private int id;
    private boolean urgent;
    private State state;
    private BigDecimal total;
    private List<Item> items;
    private Map<String, List<Integer>> marks;
    private String customerURL;
    private final String sealed; // as in AWS's event classes: no setter, a constructor with arguments

    public Order(String sealed) { this.sealed = sealed; }

    public int getId() { return id; }
    public void setId(int id) { this.id = id; }
    public boolean isUrgent() { return urgent; }
    public void setUrgent(boolean urgent) { this.urgent = urgent; }
    public State getState() { return state; }
    public void setState(State state) { this.state = state; }
    public BigDecimal getTotal() { return total; }
    public void setTotal(BigDecimal total) { this.total = total; }
    public List<Item> getItems() { return items; }
    public void setItems(List<Item> items) { this.items = items; }
    public Map<String, List<Integer>> getMarks() { return marks; }
    public void setMarks(Map<String, List<Integer>> marks) { this.marks = marks; }
    public String getCustomerURL() { return customerURL; }
    public void setCustomerURL(String url) { this.customerURL = url; }
    public String getSealed() { return sealed; }
}
