# The bucket, unless an existing one is named.

resource "aws_s3_bucket" "lines" {
  count         = var.existing_bucket_name == "" ? 1 : 0
  bucket_prefix = "${var.name}-"

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "lines" {
  count  = length(aws_s3_bucket.lines)
  bucket = aws_s3_bucket.lines[0].id

  rule {
    bucket_key_enabled = var.kms_key_arn != ""

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn != "" ? "aws:kms" : "AES256"
      kms_master_key_id = var.kms_key_arn != "" ? var.kms_key_arn : null
    }
  }
}

resource "aws_s3_bucket_ownership_controls" "lines" {
  count  = length(aws_s3_bucket.lines)
  bucket = aws_s3_bucket.lines[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "lines" {
  count                   = length(aws_s3_bucket.lines)
  bucket                  = aws_s3_bucket.lines[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# If somebody deletes an object before its commit, the functions find it as an earlier version.
resource "aws_s3_bucket_versioning" "lines" {
  count  = length(aws_s3_bucket.lines)
  bucket = aws_s3_bucket.lines[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "lines" {
  count      = length(aws_s3_bucket.lines)
  bucket     = aws_s3_bucket.lines[0].id
  depends_on = [aws_s3_bucket_versioning.lines]

  rule {
    id     = "noncurrent"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }
}

data "aws_iam_policy_document" "tls_only" {
  count = length(aws_s3_bucket.lines)

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.lines[0].arn, "${aws_s3_bucket.lines[0].arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_s3_bucket_policy" "lines" {
  count      = length(aws_s3_bucket.lines)
  bucket     = aws_s3_bucket.lines[0].id
  policy     = data.aws_iam_policy_document.tls_only[0].json
  depends_on = [aws_s3_bucket_public_access_block.lines]
}
