# Deploys the released zips of the functions: the functions, their roles and schedules, the table, the bucket (or an
# existing one), and the log groups. ../../template.yaml has the same resources, and alarms, dashboard and lake as well.

terraform {
  required_version = ">= 1.6"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}

data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  # The settings of each vendor's function, as in functions/*/stack.yaml.
  settings = {
    openai       = { variable = "OPENAI", period = "rate(1 minute)", timeout_seconds = 55, memory_megabytes = 256 }
    microsoft365 = { variable = "MICROSOFT365", period = "rate(5 minutes)", timeout_seconds = 290, memory_megabytes = 1024 }
  }
  vendors     = { for name, settings in local.settings : name => settings if length(var.secret_arns[name]) > 0 }
  bucket_name = var.existing_bucket_name != "" ? var.existing_bucket_name : aws_s3_bucket.lines[0].bucket
  bucket_arn  = "arn:${data.aws_partition.current.partition}:s3:::${local.bucket_name}"
}

# ---- The functions ----

resource "aws_lambda_function" "pull" {
  for_each         = local.vendors
  function_name    = "${var.name}-${each.key}"
  description      = "Pulls the audit logs of ${each.key}."
  filename         = "${var.release_folder}/audit-pull-${each.key}-${var.architecture}.zip"
  source_code_hash = filebase64sha256("${var.release_folder}/audit-pull-${each.key}-${var.architecture}.zip")
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  memory_size      = each.value.memory_megabytes
  timeout          = each.value.timeout_seconds # less than the schedule's period, so that a tick ends before the next one
  role             = aws_iam_role.pull[each.key].arn

  environment {
    variables = {
      STATE_TABLE                           = aws_dynamodb_table.state.name
      BUCKET                                = local.bucket_name
      PREFIX                                = var.prefix
      COMPRESSION                           = var.compression
      LOOKBACK_DAYS                         = tostring(var.lookback_days)
      "${each.value.variable}_SECRET_ARNS" = join(",", var.secret_arns[each.key])
    }
  }

  logging_config {
    log_format = "Text" # the functions write JSON by themselves
    log_group  = aws_cloudwatch_log_group.pull[each.key].name
  }
}

# A failed tick is not repeated, because the next tick lists again what it did not deliver.
resource "aws_lambda_function_event_invoke_config" "pull" {
  for_each                     = local.vendors
  function_name                = aws_lambda_function.pull[each.key].function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60
}

resource "aws_cloudwatch_log_group" "pull" {
  for_each          = local.vendors
  name              = "/aws/lambda/${var.name}-${each.key}"
  retention_in_days = var.log_retention_days
}

# ---- Their schedules ----

resource "aws_cloudwatch_event_rule" "tick" {
  for_each            = local.vendors
  name                = "${var.name}-${each.key}"
  description         = "Starts a tick of ${each.key}."
  schedule_expression = each.value.period
  state               = var.schedule_state
}

resource "aws_cloudwatch_event_target" "tick" {
  for_each = local.vendors
  rule     = aws_cloudwatch_event_rule.tick[each.key].name
  arn      = aws_lambda_function.pull[each.key].arn

  retry_policy {
    maximum_retry_attempts       = 0
    maximum_event_age_in_seconds = 60
  }
}

resource "aws_lambda_permission" "tick" {
  for_each      = local.vendors
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.pull[each.key].function_name
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.tick[each.key].arn
}

# ---- The state ----

# The heads and ledgers of all streams. A lost table must be restored to its newest state by point-in-time recovery.
resource "aws_dynamodb_table" "state" {
  name                        = "${var.name}-state"
  billing_mode                = "PAY_PER_REQUEST"
  deletion_protection_enabled = true
  hash_key                    = "pk"
  range_key                   = "sk"

  attribute {
    name = "pk"
    type = "S"
  }

  attribute {
    name = "sk"
    type = "N"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  lifecycle {
    prevent_destroy = true
  }
}

output "bucket_name" {
  description = "The bucket of the lines, which are below the prefix."
  value       = local.bucket_name
}

output "function_names" {
  description = "The functions, by vendor."
  value       = { for name, function in aws_lambda_function.pull : name => function.function_name }
}
