"""The Kubernetes manifests of the documentation are what Kubernetes takes."""

from pathlib import Path

import pytest
from extras import need

MANIFESTS = sorted((Path(__file__).resolve().parents[1] / "docs" / "kubernetes").glob("*.yaml"))
KUBERNETES = "1.30"


@pytest.fixture(scope="module")
def validate():
    return need("kubernetes_validate", "manifests").validate


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_every_document_of_a_manifest_is_valid(validate, path):
    import yaml

    documents = list(yaml.safe_load_all(path.read_text()))
    assert documents
    for document in documents:
        validate(document, KUBERNETES, strict=True)


def test_a_manifest_with_a_mistake_is_not_valid(validate):
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"prot": 1}]}}
    with pytest.raises(Exception, match="prot"):
        validate(wrong, KUBERNETES, strict=True)
