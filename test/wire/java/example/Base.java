package example;

import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.Map;

public abstract class Base<T> implements RequestHandler<T, Map<String, Object>> {}
