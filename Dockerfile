FROM python:3.13-slim AS build
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --wheel-dir /wheels .

FROM python:3.13-slim
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index /wheels/*.whl \
    && useradd --system --uid 10001 --no-create-home sandbox \
    && install --directory --owner sandbox --group sandbox /data
USER 10001
WORKDIR /data
VOLUME /data

# Wide within the container, so that a published port gets here. What that takes of the guard is in README.md, Docker.
ENV BALANCED_SANDBOX_HOST=0.0.0.0 \
    BALANCED_SANDBOX_DATA_DIR=/data \
    BALANCED_SANDBOX_LOG_FORMAT=json \
    PYTHONDONTWRITEBYTECODE=1
EXPOSE 8642
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["balanced-sandbox", "ready"]
ENTRYPOINT ["balanced-sandbox"]
CMD ["serve"]
