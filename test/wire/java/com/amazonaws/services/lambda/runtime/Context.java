package com.amazonaws.services.lambda.runtime;

/** Declared as in com.amazonaws:aws-lambda-java-core, which a user's package brings along, for as much as the tests use. */
public interface Context {
    String getAwsRequestId();
    String getFunctionName();
    String getInvokedFunctionArn();
    int getRemainingTimeInMillis();
    int getMemoryLimitInMB();
    LambdaLogger getLogger();
}
