variable "name" {
  description = "The beginning of the names of all resources."
  type        = string
  default     = "audit-pull"
}

variable "release_folder" {
  description = "The folder with the zips of a release: audit-pull-VENDOR-ARCHITECTURE.zip."
  type        = string
}

variable "architecture" {
  description = "The processor architecture of the functions: arm64 or x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "The architecture is arm64 or x86_64."
  }
}

variable "secret_arns" {
  description = "The whole ARNs of the secrets of each vendor, one secret per tenant. No function is deployed for an empty list."
  type = object({
    openai       = optional(list(string), [])
    microsoft365 = optional(list(string), [])
  })

  validation {
    condition     = length(var.secret_arns.openai) + length(var.secret_arns.microsoft365) > 0
    error_message = "Name the secrets of at least one vendor."
  }

  validation {
    condition     = length(setintersection(var.secret_arns.openai, var.secret_arns.microsoft365)) == 0
    error_message = "Name each secret for one vendor only."
  }
}

variable "existing_bucket_name" {
  description = "The name of an existing bucket. Empty: a bucket is created."
  type        = string
  default     = ""
}

variable "prefix" {
  description = "The beginning of every key in the bucket. Empty, or ends in a slash. Every deployment needs its own."
  type        = string
  default     = "audit/"

  validation {
    condition     = can(regex("^$|^([A-Za-z0-9_.=-]+/)+$", var.prefix))
    error_message = "The prefix is empty, or ends in one slash."
  }
}

variable "compression" {
  description = "The compression of the objects: gzip or zstd."
  type        = string
  default     = "gzip"

  validation {
    condition     = contains(["gzip", "zstd"], var.compression)
    error_message = "The compression is gzip or zstd."
  }
}

variable "lookback_days" {
  description = "The number of days before its first tick at which a new stream begins."
  type        = number
  default     = 7
}

variable "kms_key_arn" {
  description = "The ARN of the KMS key that encrypts the bucket. Empty: SSE-S3, or an existing bucket's own setting."
  type        = string
  default     = ""
}

variable "secrets_kms_key_arn" {
  description = "The ARN of the KMS key that encrypts the secrets. Empty: the key aws/secretsmanager."
  type        = string
  default     = ""
}

variable "schedule_state" {
  description = "DISABLED stops the ticks. After ENABLED the next ticks pull what was missed."
  type        = string
  default     = "ENABLED"
}

variable "log_retention_days" {
  description = "The number of days for which the functions' own logs are kept."
  type        = number
  default     = 30
}
