# The CPU-only builds of torch come from an index of their own: name it with
#   docker build --build-arg TORCH_INDEX=<index URL> .
# Without it torch comes from the default index, with CUDA.
FROM python:3.12-slim AS build
ARG PACKAGE_INDEX=""
ARG TORCH_INDEX=""
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy
RUN pip install --no-cache-dir ${PACKAGE_INDEX:+--index-url "$PACKAGE_INDEX"} uv
WORKDIR /app
COPY requirements.lock ./
RUN uv venv /venv \
 && if [ -n "$TORCH_INDEX" ]; then \
      # Other builds have other hashes: keep the locked versions, leave the hashes out.
      sed -E '/^ +--hash/d; s/ \\$//; /^(nvidia|cuda|triton)/d' requirements.lock > /tmp/unhashed.txt \
      && grep -E '^(torch|torchvision)==' /tmp/unhashed.txt > /tmp/torch.txt \
      && grep -vE '^(torch|torchvision)==' /tmp/unhashed.txt > /tmp/rest.txt \
      && uv pip install --python /venv ${PACKAGE_INDEX:+--index-url "$PACKAGE_INDEX"} -r /tmp/rest.txt \
      && uv pip install --python /venv --no-deps --index-url "$TORCH_INDEX" -r /tmp/torch.txt; \
    else \
      uv pip install --python /venv ${PACKAGE_INDEX:+--index-url "$PACKAGE_INDEX"} -r requirements.lock; \
    fi
COPY . .
RUN uv pip install --python /venv --no-deps ${PACKAGE_INDEX:+--index-url "$PACKAGE_INDEX"} .

FROM python:3.12-slim
RUN useradd --create-home --uid 1000 perennial \
 && install -d -m 700 -o perennial -g perennial /state
COPY --from=build /venv /venv
ENV PATH="/venv/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    BENTOML_DO_NOT_TRACK=True \
    BENTOML_CONTAINERIZED=true \
    PERENNIAL_HOME=/state \
    PERENNIAL_HOST=0.0.0.0
USER perennial
WORKDIR /home/perennial
VOLUME /state
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=180s --retries=6 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ.get('PERENNIAL_PORT', '3000') + '/readyz', timeout=2)"]
CMD ["perennial", "up"]
