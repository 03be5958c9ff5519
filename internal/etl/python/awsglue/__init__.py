"""The awsglue module for scripts that run on Tarn: written from AWS's public documentation, over any engine that has the
DataFrame API. Metadata comes from the Glue API and file lists from S3, so that every engine reads the same."""
