"""Which variables of the environment name credentials.

Without any of them obstore would ask the machine's own metadata service, which nobody named; so
that is asked only where a variable says so.
"""

import os

from breastseg.errors import InputError

_VARIABLES = {
    "s3": (
        "AWS_ACCESS_KEY_ID",
        "AWS_SKIP_SIGNATURE",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_METADATA_ENDPOINT",
    ),
    "gs": (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        "GOOGLE_SKIP_SIGNATURE",
        "GCE_METADATA_HOST",
        "METADATA_HOST",
    ),
    "az": (
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_ACCESS_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_STORAGE_CLIENT_ID",
        "AZURE_CLIENT_ID",
        "AZURE_STORAGE_TOKEN",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_SKIP_SIGNATURE",
        "AZURE_USE_AZURE_CLI",
        "AZURE_MSI_ENDPOINT",
        "IDENTITY_ENDPOINT",
    ),
}
_ADVICE = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_SKIP_SIGNATURE=true for an open bucket,"
    " or AWS_METADATA_ENDPOINT for the role of this machine",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, or GOOGLE_SKIP_SIGNATURE=true for an open bucket",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, or"
    " AZURE_SKIP_SIGNATURE=true for an open container",
}


def check_credentials(scheme: str, shown: str) -> None:
    """Raise InputError when the environment names no credentials for a store."""
    # One of them is enough: which belong together, and whether they are right, the store says.
    if not any(os.environ.get(name) for name in _VARIABLES[scheme]):
        raise InputError(
            f"{shown}: no credentials in the environment; set {_ADVICE[scheme]}; nothing was asked"
        )
